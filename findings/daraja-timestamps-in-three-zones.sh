#!/usr/bin/env bash
# Guess: Daraja libraries write the `Timestamp` of a push in one zone, East Africa Time.
# So: At one instant, on a machine in New York's winter zone, mpesa-sdk 2.0.0 writes the time of Nairobi,
#   mpesa-wrapper 1.0.0 that of UTC (-3 hours), and daraja-sdk 0.1.0 that of the machine (-8 hours).
# Bites: Prompts that are found again by their timestamp, for example in a comparison with a statement, are
#   on another day after a change of library or of host.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'daraja-sdk==0.1.0' 'mpesa-sdk==2.0.0' 'mpesa-wrapper==1.0.0'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import os
import sys
import time
from datetime import datetime
from unittest import mock

os.environ["TZ"] = "EST5"
time.tzset()
from daraja_sdk.utils import generate_timestamp
from mpesa_sdk.gateway import generate_timestamp as generate_eat_timestamp
from mpesa_wrapper.endpoints import stk

config = {"base_url": "https://daraja.example", "shortcode": "174379", "passkey": "p", "callback_url": "https://shop.example/"}
answer = {key: "0" for key in stk.STKResponse.model_fields}
with mock.patch.object(stk, "post", return_value={k: v for k, v in answer.items() if k != "raw"}) as post:
    stk.stk_push(mock.Mock(), config, "254712345678", 100, "order 7", "airtime")
written = [generate_eat_timestamp(), post.call_args.kwargs["json"]["Timestamp"], generate_timestamp()]
times = [datetime.strptime(text, "%Y%m%d%H%M%S") for text in written]
behind = [round((time - times[0]).total_seconds() / 3600) for time in times]
print("mpesa-sdk, mpesa-wrapper, daraja-sdk:", *written)
print("hours against Nairobi:", behind)
holds = behind == [0, -3, -8]
if not holds:
    sys.exit("This has changed: the libraries now agree on a zone, or differ in another way.")
PYTHON
