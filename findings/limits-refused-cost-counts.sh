#!/usr/bin/env bash
# Guess: A hit that the limiter refuses takes nothing from the limit, whatever the strategy.
# So: limits 5.8.0: one refused hit with cost 11 uses up a fixed window of 10, and the next hit with cost 1
#   is refused, too. The moving window refuses only the first.
# Bites: A batch of payouts that is too large for the limit blocks all single payouts of that client until
#   the window ends, although nothing was sent.
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
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter, SlidingWindowCounterRateLimiter

ten = parse("10/hour")
seen = {}
for strategy in (FixedWindowRateLimiter, MovingWindowRateLimiter, SlidingWindowCounterRateLimiter):
    limiter = strategy(MemoryStorage())
    seen[strategy.__name__] = limiter.hit(ten, "client-7", cost=11), limiter.hit(ten, "client-7", cost=1)
    print(strategy.__name__, "cost 11, then 1:", seen[strategy.__name__])
holds = list(seen.values()) == [(False, False), (False, True), (False, True)]
if not holds:
    sys.exit("This has changed: the strategies now agree on what a refused hit costs.")
PYTHON
