#!/usr/bin/env bash
# Guess: `Webhook(secret)` takes the secret as text or as bytes, and both give the same key.
# So: standardwebhooks 1.1.0 strips `whsec_` and decodes base64 only from text. Bytes are the key itself,
#   prefix included, so the two signatures differ.
# Bites: A secret that is read from a file in binary mode signs every event with a key that no receiver has.
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

secret = "whsec_" + base64.b64encode(bytes(range(32))).decode()
at = datetime(2026, 12, 1, 12, tzinfo=timezone.utc)
text = Webhook(secret).sign("m1", at, "{}")
octets = Webhook(secret.encode()).sign("m1", at, "{}")
decoded = Webhook(bytes(range(32))).sign("m1", at, "{}")
print("secret as text: ", text)
print("secret as bytes:", octets)
print("decoded key:    ", decoded)
holds = text == decoded and text != octets
if not holds:
    sys.exit("This has changed: the secret as bytes now gives the same key as the text.")
PYTHON
