#!/usr/bin/env bash
# Guess: A request body in bytes that is logged as an extra field is readable in the JSON line, or an error.
# So: python-json-logger 4.2.0 writes it in base64: b'254712345678' becomes MjU0NzEyMzQ1Njc4.
# Bites: A search of the logs for the phone number finds nothing, and a filter that masks phone numbers in
#   finished lines lets it through in base64.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'python-json-logger==4.2.0'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import io
import json
import logging
import sys

from pythonjsonlogger.json import JsonFormatter

lines = io.StringIO()
handler = logging.StreamHandler(lines)
handler.setFormatter(JsonFormatter("%(message)s"))
logging.getLogger().addHandler(handler)
logging.warning("callback", extra={"body": b"254712345678"})
line = json.loads(lines.getvalue())
print(line)
holds = line["body"] == "MjU0NzEyMzQ1Njc4" and "254712345678" not in lines.getvalue()
if not holds:
    sys.exit("This has changed: bytes are no longer written in base64.")
PYTHON
