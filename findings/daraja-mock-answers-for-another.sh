#!/usr/bin/env bash
# Guess: A double of Daraja answers a query about the checkout that was asked for, and knows only those that
#   it prompted.
# So: daraja-mock 1.0.5 answers with a new random CheckoutRequestID, for any question: ResultCode 0, paid,
#   also for a checkout that never existed.
# Bites: A service that compares the answer's identifier with its own cannot be tested with it. One that
#   does not compare passes, and books other people's answers. Neither meets `still processing`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'daraja-mock==1.0.5' 'flask==3.1.3'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from daraja_mock.server import DarajaMock

client = DarajaMock().app.test_client()
pushed = client.post("/mpesa/stkpush/v1/processrequest", json={"Amount": 100}).json["CheckoutRequestID"]
seen = {}
for name, asked in {"pushed": pushed, "never pushed": "ws_CO_NEVER"}.items():
    answer = client.post("/mpesa/stkpushquery/v1/query", json={"CheckoutRequestID": asked}).json
    seen[name] = answer["ResultCode"], answer["CheckoutRequestID"] == asked
    print(f"{name}: ResultCode {seen[name][0]}, about the checkout asked for: {seen[name][1]}")
holds = set(seen.values()) == {("0", False)}
if not holds:
    sys.exit("This has changed: the double now answers for the checkout that was asked for.")
PYTHON
