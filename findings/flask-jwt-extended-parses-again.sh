#!/usr/bin/env bash
# Guess: `verify_jwt_in_request` parses the three segments of a bearer token once, as PyJWT's `decode` does.
# So: flask-jwt-extended 4.7.4 decodes segments 12 times and parses JSON 7 times for one request.
#   `jwt.decode` of PyJWT 2.15.1 needs 3 and 3.
# Bites: A client sends the same token with each request, so each status read pays for the parsing four
#   times.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'flask-jwt-extended==4.7.4' 'flask==3.1.3' 'pyjwt==2.15.1'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import base64
import json
import sys
from collections import Counter
from unittest import mock

import jwt
from flask import Flask
from flask_jwt_extended import JWTManager, create_access_token, verify_jwt_in_request

calls = Counter()
def counted(name, function):
    def call(*args, **kwargs):
        calls[name] += 1
        return function(*args, **kwargs)
    return call

app = Flask(__name__)
app.config["JWT_SECRET_KEY"] = key = "k" * 32
JWTManager(app)
with app.app_context():
    token = create_access_token("client-7")
with (
    mock.patch("base64.urlsafe_b64decode", counted("base64", base64.urlsafe_b64decode)),
    mock.patch("json.loads", counted("json", json.loads)),
    app.test_request_context(headers={"Authorization": f"Bearer {token}"}),
):
    calls.clear()
    verify_jwt_in_request()
    extended = dict(calls)
    calls.clear()
    jwt.decode(token, key, algorithms=["HS256"])
    plain = dict(calls)
print("verify_jwt_in_request:", extended)
print("jwt.decode:           ", plain)
holds = extended == {"base64": 12, "json": 7} and plain == {"base64": 3, "json": 3}
if not holds:
    sys.exit("This has changed: the token is parsed another number of times.")
PYTHON
