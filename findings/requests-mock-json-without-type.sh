#!/usr/bin/env bash
# Guess: `json=...` of a test double answers with Content-Type application/json.
# So: requests-mock 1.12.1 sends the body without any header. responses 0.26.3 adds the type.
# Bites: A client that looks at the type before it parses, to tell Daraja's JSON from the HTML page of a
#   proxy, takes the wrong branch in each test, so the right one is never tested.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'requests-mock==1.12.1' 'responses==0.26.3' 'requests==2.34.2'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import requests
import requests_mock
import responses

URL = "https://daraja.example/query"
with requests_mock.Mocker() as double:
    double.post(URL, json={"ResultCode": "0"})
    first = requests.post(URL).headers.get("Content-Type")
with responses.RequestsMock() as double:
    double.post(URL, json={"ResultCode": "0"})
    second = requests.post(URL).headers.get("Content-Type")
print("requests-mock:", first)
print("responses:    ", second)
holds = first is None and second == "application/json"
if not holds:
    sys.exit("This has changed: requests-mock now sends a Content-Type with json.")
PYTHON
