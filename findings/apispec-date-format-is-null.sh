#!/usr/bin/env bash
# Guess: A DateTime field in M-Pesa's format, `%Y%m%d%H%M%S`, is documented as a string with or without a
#   pattern.
# So: apispec 6.10.1 writes `format: null` and `pattern: null`, which openapi-spec-validator 0.9.0 refuses:
#   None is not of type 'string'.
# Bites: One such field makes the whole OpenAPI document invalid, so client generators and contract tests
#   stop on it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'apispec==6.10.1' 'marshmallow==4.4.0' 'openapi-spec-validator==0.9.0'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields
from openapi_spec_validator import OpenAPIV31SpecValidator

class Confirmation(Schema):
    paid_at = fields.DateTime(format="%Y%m%d%H%M%S")

print("loads:", Confirmation().load({"paid_at": "20261201120000"}))
spec = APISpec("t", "1", "3.1.0", plugins=[MarshmallowPlugin()])
spec.components.schema("Confirmation", schema=Confirmation)
field = spec.to_dict()["components"]["schemas"]["Confirmation"]["properties"]["paid_at"]
faults = [error.message for error in OpenAPIV31SpecValidator(spec.to_dict()).iter_errors()]
print("documented:", field)
print("the validator says:", faults)
holds = field == {"type": "string", "format": None, "pattern": None} and len(faults) > 0
if not holds:
    sys.exit("This has changed: a custom date format no longer gives an invalid document.")
PYTHON
