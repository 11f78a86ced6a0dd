#!/usr/bin/env bash
# Guess: `hit(limit, "a", "b/c")` and `hit(limit, "a/b", "c")` have different keys, because the parts are
#   separate arguments.
# So: limits 5.8.0 joins the parts with `/`, so both are LIMITER/a/b/c/1/1/hour and share one counter.
# Bites: Names of clients or shops with a slash can meet in one counter: one merchant's prompts use up the
#   limit of another.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'limits==5.8.0'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

one = parse("1/hour")
limiter = FixedWindowRateLimiter(MemoryStorage())
print("keys:", one.key_for("duka", "till/2"), one.key_for("duka/till", "2"))
first, other = limiter.hit(one, "duka", "till/2"), limiter.hit(one, "duka/till", "2")
print("first caller:", first, "- another caller:", other)
holds = first and not other
if not holds:
    sys.exit("This has changed: the parts of a key are no longer joined by a slash alone.")
PYTHON
