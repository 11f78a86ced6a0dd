#!/usr/bin/env bash
# Guess: `Range(min=0, min_inclusive=False)` is documented as `exclusiveMinimum: 0`.
# So: apispec 6.10.1 writes `minimum: 0` (and `maximum: 10` for an exclusive 10), in OpenAPI 3.0 and 3.1.
# Bites: The document says that an amount of 0 is valid, the API refuses it. Clients that are generated from
#   the document send it.
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
from marshmallow import Schema, fields, validate

class Payment(Schema):
    amount = fields.Integer(validate=validate.Range(0, 10, min_inclusive=False, max_inclusive=False))

seen = []
for version in ("3.0.3", "3.1.0"):
    spec = APISpec("t", "1", version, plugins=[MarshmallowPlugin()])
    spec.components.schema("Payment", schema=Payment)
    seen.append(spec.to_dict()["components"]["schemas"]["Payment"]["properties"]["amount"])
    print(version, seen[-1])
print("0 is refused:", Payment().validate({"amount": 0}))
holds = seen == [{"type": "integer", "minimum": 0, "maximum": 10}] * 2 and Payment().validate({"amount": 0}) != {}
if not holds:
    sys.exit("This has changed: an exclusive range is now documented as one.")
PYTHON
