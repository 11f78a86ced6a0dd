#!/usr/bin/env bash
# Guess: A test double below `requests` runs the retries that are mounted on the session.
# So: requests-mock 1.12.1 replaces the adapter, and with it `Retry`: a session with three retries gets the
#   503, after one call. responses 0.26.3 repeats and gets the 200.
# Bites: The test that a payout is never posted twice passes with requests-mock, whatever the session's
#   `Retry` says.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'requests-mock==1.12.1' 'responses==0.26.3' 'requests==2.34.2' 'urllib3==2.8.0'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import requests
import requests_mock
import responses
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

URL = "https://daraja.example/payouts"
session = requests.Session()
retry = Retry(total=3, status_forcelist=[503], allowed_methods=None, backoff_factor=0)
session.mount("https://", HTTPAdapter(max_retries=retry))
with requests_mock.Mocker() as double:
    double.post(URL, [{"status_code": 503}, {"status_code": 200}])
    first = session.post(URL).status_code, double.call_count
with responses.RequestsMock() as double:
    double.post(URL, status=503)
    double.post(URL, status=200)
    second = session.post(URL).status_code, len(double.calls)
print("requests-mock: status and posts", *first)
print("responses:     status and posts", *second)
holds = first == (503, 1) and second == (200, 2)
if not holds:
    sys.exit("This has changed: the two doubles now treat retries alike.")
PYTHON
