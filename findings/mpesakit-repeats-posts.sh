#!/usr/bin/env bash
# Guess: A Daraja client repeats a request only if it is safe to repeat, so no POST whose answer did not
#   arrive in time.
# So: mpesakit 2.2.0 posts three times after a read timeout, whatever the path is; its client has no setting
#   for that.
# Bites: A read timeout says nothing about whether M-Pesa took the request. A payout or a prompt can be made
#   up to three times, while the caller sees one error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'mpesakit==2.2.0'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import logging
import sys
from unittest import mock

import httpx
from mpesakit.http_client import MpesaHttpClient

logging.disable()
with (
    mock.patch("httpx.Client.post", side_effect=httpx.ReadTimeout("no answer in time")) as post,
    mock.patch("time.sleep"),
):
    try:
        MpesaHttpClient().post("/mpesa/b2c/v3/paymentrequest", {"Amount": 100}, {})
    except Exception as error:
        print("the caller sees:", type(error).__name__, error)
print("posts:", post.call_count, {call.args[0].rpartition("/mpesa/")[2] for call in post.call_args_list})
holds = post.call_count == 3
if not holds:
    sys.exit("This has changed: a POST is no longer sent three times.")
PYTHON
