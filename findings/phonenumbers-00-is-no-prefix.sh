#!/usr/bin/env bash
# Guess: 00254712345678, as people abroad and many address books write it, is parsed like +254712345678.
# So: For Kenya the international prefix in phonenumbers 9.0.43 is 000, so 00254... is parsed as a national
#   number (+2540254712345678, not valid), while 000254... is right.
# Bites: Customers whose phone stores numbers with 00 are refused, although their number is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'phonenumbers==9.0.43'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import phonenumbers

seen = {}
for text in ("+254712345678", "000254712345678", "00254712345678"):
    number = phonenumbers.parse(text, "KE")
    seen[text] = phonenumbers.format_number(number, 0), phonenumbers.is_valid_number(number)
    print(text, *seen[text])
holds = seen["000254712345678"] == ("+254712345678", True) and seen["00254712345678"] == ("+2540254712345678", False)
if not holds:
    sys.exit("This has changed: 00 is now an international prefix of Kenya.")
PYTHON
