#!/usr/bin/env bash
# Guess: `json_params_matcher({"Amount": 1})` matches the JSON that has 1 for the amount, and no other JSON.
# So: responses 0.26.3 compares Python values, so 1.0 and true match as well.
# Bites: A client that posts "Amount": 100.0 passes its tests. Daraja documents whole shillings.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'responses==0.26.3' 'requests==2.34.2'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import requests
import responses
from responses import matchers

URL = "https://daraja.example/push"
seen = {}
with responses.RequestsMock() as double:
    double.post(URL, match=[matchers.json_params_matcher({"Amount": 1})])
    for amount in (1, 1.0, True):
        answer = requests.post(URL, json={"Amount": amount})
        seen[answer.request.body] = answer.status_code
        print(answer.request.body.decode(), answer.status_code)
holds = list(seen) == [b'{"Amount": 1}', b'{"Amount": 1.0}', b'{"Amount": true}'] and set(seen.values()) == {200}
if not holds:
    sys.exit("This has changed: the matcher now tells the JSON types apart.")
PYTHON
