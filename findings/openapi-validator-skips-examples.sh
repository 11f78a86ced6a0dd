#!/usr/bin/env bash
# Guess: A validator of OpenAPI documents that checks `default` against the schema checks `example` and
#   `examples`, too.
# So: openapi-spec-validator 0.9.0 refuses a default of the wrong type and accepts an example of the wrong
#   type.
# Bites: The amounts and phone numbers that people copy from the documentation can be wrong, while the
#   contract test is green.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'openapi-spec-validator==0.9.0'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from openapi_spec_validator import OpenAPIV31SpecValidator

seen = {}
for keyword, value in {"default": "a lot", "example": "a lot", "examples": ["a lot"]}.items():
    document = {
        "openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {},
        "components": {"schemas": {"Amount": {"type": "integer", keyword: value}}},
    }
    seen[keyword] = [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()]
    print(keyword, seen[keyword])
holds = len(seen["default"]) == 1 and seen["example"] == seen["examples"] == []
if not holds:
    sys.exit("This has changed: examples are now checked, or defaults no longer.")
PYTHON
