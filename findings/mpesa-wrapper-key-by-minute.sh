#!/usr/bin/env bash
# Guess: An idempotency key belongs to a request: a repetition has the same one, another order has another
#   one.
# So: mpesa-wrapper 1.0.0 computes it from phone, amount, reference and the minute of the clock. The
#   repetition one second later can have another key, and two sales in one minute have the same.
# Bites: Code that trusts the key sends a prompt twice around a full minute, and drops the second of two
#   equal sales within one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'mpesa-wrapper==1.0.0'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from unittest import mock

from mpesa_wrapper.utils.idempotency import generate_idempotency_key

def key(second):
    with mock.patch("time.time", return_value=60 * 29_000_000 + second):
        return generate_idempotency_key("254712345678", 100, "airtime")

print("repeated after one second (59 s, 60 s), same key:", key(59) == key(60))
print("two sales, 50 seconds apart (5 s, 55 s), same key:", key(5) == key(55))
holds = key(59) != key(60) and key(5) == key(55)
if not holds:
    sys.exit("This has changed: the key no longer depends on the minute.")
PYTHON
