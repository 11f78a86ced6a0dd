#!/usr/bin/env bash
# Guess: `fields.Decimal(places=2)` refuses an amount with three decimals.
# So: marshmallow 4.4.0 rounds it, half to even: "10.005" loads as 10.00 and "10.015" as 10.02.
# Bites: A typing error in an amount becomes another amount that passes each later check. Sums of loaded
#   rows differ from the file that was sent.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'marshmallow==4.4.0'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from marshmallow import fields

amount = fields.Decimal(places=2)
sent = ["10.005", "10.015", "0.004"]
loaded = [str(amount.deserialize(text)) for text in sent]
print("sent:  ", sent)
print("loaded:", loaded)
holds = loaded == ["10.00", "10.02", "0.00"]
if not holds:
    sys.exit("This has changed: places no longer rounds what is loaded.")
PYTHON
