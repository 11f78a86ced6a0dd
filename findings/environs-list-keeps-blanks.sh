#!/usr/bin/env bash
# Guess: `env.list` and `env.dict` treat blanks after a comma alike.
# So: environs 15.2.0 strips them for a dict and keeps them for a list: "600000, 600001" gives ['600000', '
#   600001']. With subcast=int the list is right again.
# Bites: The second short code or address of an allowlist never matches, and the first one works, so the
#   setting looks fine.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'environs==15.2.0' 'marshmallow==4.4.0'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import os
import sys

from environs import Env

env = Env()
os.environ["SHORT_CODES"] = "600000, 600001"
os.environ["TILLS"] = "nairobi=600000, mombasa=600001"
as_list, as_numbers, as_dict = env.list("SHORT_CODES"), env.list("SHORT_CODES", subcast=int), env.dict("TILLS")
print("list:       ", as_list)
print("list of int:", as_numbers)
print("dict:       ", as_dict)
holds = as_list[1] == " 600001" and as_numbers[1] == 600001 and "mombasa" in as_dict
if not holds:
    sys.exit("This has changed: list and dict now treat blanks alike.")
PYTHON
