#!/usr/bin/env bash
# Guess: `format_phone_number` refuses a number that is not Kenyan.
# So: django-daraja 1.3.0 puts 254 before the last nine characters: Uganda's +256712345678 becomes Kenya's
#   254712345678, and blanks stay in ("0712 345 678" is "2542 345 678").
# Bites: The prompt, or the payout, goes to a stranger in Kenya who has the same last nine digits.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'django-daraja==1.3.0' 'django==5.2.8'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import django
from django.conf import settings

settings.configure(INSTALLED_APPS=["django_daraja"])
django.setup()
from django_daraja.mpesa.utils import format_phone_number

sent = ["0712345678", "+256712345678", "+27712345678", "0712 345 678"]
formatted = [format_phone_number(number) for number in sent]
for pair in zip(sent, formatted):
    print(*pair, sep=" -> ")
holds = formatted == ["254712345678", "254712345678", "254712345678", "2542 345 678"]
if not holds:
    sys.exit("This has changed: foreign numbers are no longer made Kenyan.")
PYTHON
