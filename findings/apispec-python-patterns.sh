#!/usr/bin/env bash
# Guess: The `pattern` in the OpenAPI document means what the Regexp validator checks.
# So: apispec 6.10.1 copies the Python text, but JSON Schema patterns are ECMAScript. There `\Z` is the
#   letter Z, `match` does not anchor the start, and flags are lost.
# Bites: A receipt that the API accepts fails the published pattern in a JavaScript client, and a text that
#   the API refuses passes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'apispec==6.10.1' 'marshmallow==4.4.0' 'quickjs==1.19.4'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import json
import re
import sys

import quickjs
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields, validate

class Receipt(Schema):
    receipt = fields.String(validate=validate.Regexp(r"[a-z0-9]{10}\Z", flags=re.IGNORECASE))

spec = APISpec("t", "1", "3.1.0", plugins=[MarshmallowPlugin()])
spec.components.schema("Receipt", schema=Receipt)
pattern = spec.to_dict()["components"]["schemas"]["Receipt"]["properties"]["receipt"]["pattern"]
print("published pattern:", pattern)
seen = {}
for text in ("SFF6XYZ123", "sff6xyz123", "see sff6xyz123Z etc."):
    api = not Receipt().validate({"receipt": text})
    client = quickjs.Context().eval(f"new RegExp({json.dumps(pattern)}).test({json.dumps(text)})")
    seen[text] = api, client
    print(f"{text!r}: valid for the API {api}, for a JavaScript client {client}")
holds = list(seen.values()) == [(True, False), (True, False), (False, True)]
if not holds:
    sys.exit("This has changed: the published pattern now means the same in JavaScript.")
PYTHON
