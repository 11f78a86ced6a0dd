#!/usr/bin/env bash
# Guess: `format_phone_number` turns a Kenyan number into 254 and nine digits.
# So: daraja-sdk-py 2.0.0 does so for 07 numbers. 0112345678 becomes 112345678, without 254, and
#   is_phone_number_valid refuses 254112345678, a number that Safaricom assigns.
# Bites: Customers with 01 numbers cannot pay. Code that uses only the formatter sends a number of nine
#   digits on.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'daraja-sdk-py==2.0.0' 'phonenumbers==9.0.43'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import phonenumbers
from daraja.utils import format_phone_number, is_phone_number_valid

seen = {}
for text in ("0712345678", "0112345678", "+254112345678"):
    right = phonenumbers.format_number(phonenumbers.parse(text, "KE"), 0).lstrip("+")
    seen[text] = right, format_phone_number(text), is_phone_number_valid(right)
    print("{}: right {}, formatted {}, valid {}".format(text, *seen[text]))
holds = seen["0112345678"] == ("254112345678", "112345678", False) and seen["0712345678"][1:] == ("254712345678", True)
if not holds:
    sys.exit("This has changed: 01 numbers are now formatted or accepted.")
PYTHON
