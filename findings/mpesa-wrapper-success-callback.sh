#!/usr/bin/env bash
# Guess: The callback model of a Daraja library reads the success callback of Daraja's documentation.
# So: mpesa-wrapper 1.0.0 reads only failures. Its field `CallbackMetadata` has the name of its type and the
#   default None, so pydantic 2.14.3 takes the type for None: "Input should be None".
# Bites: Each paid order ends in a validation error, and each cancelled one works. Tests that use the
#   shorter failure callback are green.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'mpesa-wrapper==1.0.0' 'pydantic==2.14.3'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from mpesa_wrapper.models.callbacks import MpesaCallbackPayload
from pydantic import ValidationError

failure = {"MerchantRequestID": "m1", "CheckoutRequestID": "ws_CO_1", "ResultCode": 1032, "ResultDesc": "Cancelled"}
items = [
    {"Name": "Amount", "Value": 1.0}, {"Name": "MpesaReceiptNumber", "Value": "SFF6XYZ123"},
    {"Name": "TransactionDate", "Value": 20261201120000}, {"Name": "PhoneNumber", "Value": 254712345678},
]
success = {**failure, "ResultCode": 0, "ResultDesc": "Success", "CallbackMetadata": {"Item": items}}
seen = []
for callback in (failure, success):
    try:
        seen.append(MpesaCallbackPayload(Body={"stkCallback": callback}).get_stk_callback().ResultCode)
    except ValidationError as error:
        seen.append(error.errors()[0]["msg"])
print("failure:", seen[0])
print("success:", seen[1])
holds = seen == [1032, "Input should be None"]
if not holds:
    sys.exit("This has changed: the success callback can now be read.")
PYTHON
