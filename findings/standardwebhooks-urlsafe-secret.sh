#!/usr/bin/env bash
# Guess: A secret in URL-safe base64 (`secrets.token_urlsafe`) is either decoded or refused.
# So: standardwebhooks 1.1.0 decodes it as plain base64, which skips `-` and `_`. A key of 32 bytes shrinks,
#   here to 8, and nothing is raised.
# Bites: The service signs with a shorter key than it stores. A receiver in a language whose base64 is
#   strict, or that knows the URL-safe alphabet, computes another signature.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'standardwebhooks==1.1.0'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import base64
import sys
from datetime import datetime, timezone

from standardwebhooks import Webhook

key = bytes([251, 255] * 16)
urlsafe = base64.urlsafe_b64encode(key).decode()
at = datetime(2026, 12, 1, 12, tzinfo=timezone.utc)
signed = Webhook(urlsafe).sign("m1", at, "{}")
left = base64.b64decode(urlsafe.replace("-", "").replace("_", "") + "==")
print("secret:", urlsafe)
print("bytes of the key that sign uses:", len(left), "of", len(key))
holds = signed == Webhook(left).sign("m1", at, "{}") != Webhook(key).sign("m1", at, "{}") and len(left) == 8
if not holds:
    sys.exit("This has changed: a URL-safe secret is now decoded or refused.")
PYTHON
