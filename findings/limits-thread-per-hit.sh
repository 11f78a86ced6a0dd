#!/usr/bin/env bash
# Guess: The memory storage of `limits` has one thread, or none, that drops expired counters.
# So: limits 5.8.0 starts a new timer thread of 10 ms with each hit that finds the last one ended: 20 hits
#   start 21 threads.
# Bites: A service with the usual `memory://` storage creates a thread for almost every request. The
#   counters live in the process, so this looks free.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'limits==5.8.0'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import threading

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

started = 0
start = threading.Thread.start
def counted(thread):
    global started
    started += 1
    start(thread)

threading.Thread.start = counted
limiter = FixedWindowRateLimiter(MemoryStorage())
hits = 20
for _ in range(hits):
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join()  # the next request comes after the timer has ended
    limiter.hit(parse("100/minute"), "client-7")
print(f"threads started for {hits} hits: {started}")
holds = started == hits + 1
if not holds:
    sys.exit("This has changed: a hit of the memory storage no longer starts a thread.")
PYTHON
