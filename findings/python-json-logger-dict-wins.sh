#!/usr/bin/env bash
# Guess: A dict as the message adds fields; the fields of the format, such as the level, are the record's
#   own.
# So: python-json-logger 4.2.0 lets the dict win: its `levelname` replaces WARNING, without any error.
#   `extra` of `logging` refuses such names.
# Bites: A service that logs parts of a foreign message by their names gets lines whose level or logger
#   comes from that message, and alerts that look for errors miss them.
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
handler.setFormatter(JsonFormatter("%(levelname)s %(name)s %(message)s"))
log = logging.getLogger("callbacks")
log.addHandler(handler)
log.warning({"event": "callback", "name": "Amina", "levelname": "INFO"})
line = json.loads(lines.getvalue())
print(line)
try:
    log.warning("callback", extra={"name": "Amina"})
    refused = False
except KeyError as error:
    refused = True
    print("extra:", error)
holds = line["levelname"] == "INFO" and line["name"] == "Amina" and refused
if not holds:
    sys.exit("This has changed: a dict as the message no longer replaces the record's fields.")
PYTHON
