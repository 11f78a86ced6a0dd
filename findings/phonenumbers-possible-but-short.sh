#!/usr/bin/env bash
# Guess: `is_possible_number`, the check by length, refuses a Kenyan mobile number in which one or two
#   digits are missing.
# So: phonenumbers 9.0.43 takes 071234567 and 07123456 as possible, because Kenyan landlines have 7 to 9
#   digits. `is_possible_number_for_type` with MOBILE and `is_valid_number` refuse them.
# Bites: A form that checks the length only lets short numbers through, and each of them is a failed prompt.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'phonenumbers==9.0.43'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import phonenumbers
from phonenumbers import PhoneNumberType

seen = {}
for text in ("0712345678", "071234567", "07123456"):
    number = phonenumbers.parse(text, "KE")
    seen[text] = (
        phonenumbers.is_possible_number(number),
        phonenumbers.is_possible_number_for_type(number, PhoneNumberType.MOBILE),
        phonenumbers.is_valid_number(number),
    )
    print(f"{text}: possible {seen[text][0]}, possible as mobile {seen[text][1]}, valid {seen[text][2]}")
holds = [possible for possible, _, _ in seen.values()] == [True] * 3 and not seen["071234567"][2]
if not holds:
    sys.exit("This has changed: short numbers are no longer possible.")
PYTHON
