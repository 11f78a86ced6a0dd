#!/usr/bin/env bash
# Guess: `fields.Integer(strict=True)` only refuses fractions. It takes 20.0 and, as plain integer fields
#   do, the text "20".
# So: marshmallow 4.4.0 refuses everything that is no integer by type: also 20.0, and each value of a query
#   string, because those are text.
# Bites: A schema that JSON and query string share makes `?limit=20` a validation error for each caller.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'webargs==8.7.1' 'flask==3.1.3' 'marshmallow==4.4.0'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from flask import Flask
from marshmallow import Schema, ValidationError, fields
from webargs.flaskparser import parser

class Page(Schema):
    limit = fields.Integer(strict=True)

seen = {}
with Flask(__name__).test_request_context("/payments?limit=20"):
    for name, load in {
        "JSON 20": lambda: Page().load({"limit": 20}),
        "JSON 20.0": lambda: Page().load({"limit": 20.0}),
        "query ?limit=20": lambda: Page().load(parser.load_querystring(parser.get_default_request(), Page())),
    }.items():
        try:
            seen[name] = load()
        except ValidationError as error:
            seen[name] = error.messages
        print(name, seen[name])
refused = {"limit": ["Not a valid integer."]}
holds = list(seen.values()) == [{"limit": 20}, refused, refused]
if not holds:
    sys.exit("This has changed: a strict integer takes text or whole floats again.")
PYTHON
