#!/usr/bin/env bash
# Guess: A reader of mobile-money statements that strips currency prefixes reads `KES 1,200.00`, `Ksh.
#   1,200.00` and `Kshs 1,200.00` alike.
# So: mobile-money-analyzer 0.2.0 reads 1200.0, then 0.0 for both others: the dot or the s stays in front,
#   and what is no number counts as nothing. `Ksh. 1,200` without cents is 0.12.
# Bites: Rows of money received become rows of zero (or of cents) in a comparison, and no error says so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'mobile-money-analyzer==0.2.0'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from mobile_money.parsers.base import to_number

sent = ["KES 1,200.00", "Ksh 1,200.00", "Ksh. 1,200.00", "Kshs 1,200.00", "Ksh. 1,200"]
read = [to_number(text) for text in sent]
for pair in zip(sent, read):
    print(*pair, sep=" -> ")
holds = read == [1200.0, 1200.0, 0.0, 0.0, 0.12]
if not holds:
    sys.exit("This has changed: the prefixes are now read alike.")
PYTHON
