#!/usr/bin/env bash
# Guess: A field that answers with a text, `Decimal(as_string=True)`, is documented as `type: string`.
# So: apispec 6.10.1 documents `type: number`, and `type: integer` for `Integer(as_string=True)`.
# Bites: as_string is there to keep exact amounts from becoming floats. A client that is generated from the
#   document parses a float, or refuses the answer.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'apispec==6.10.1' 'marshmallow==4.4.0'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

class Balance(Schema):
    available = fields.Decimal(as_string=True)
    cents = fields.Integer(as_string=True)

spec = APISpec("t", "1", "3.1.0", plugins=[MarshmallowPlugin()])
spec.components.schema("Balance", schema=Balance)
documented = spec.to_dict()["components"]["schemas"]["Balance"]["properties"]
answered = Balance().dump({"available": "10.50", "cents": 1050})
print("documented:", documented)
print("answered:  ", answered)
holds = [field["type"] for field in documented.values()] == ["number", "integer"] and answered == {"available": "10.50", "cents": "1050"}
if not holds:
    sys.exit("This has changed: as_string is now documented as a string.")
PYTHON
