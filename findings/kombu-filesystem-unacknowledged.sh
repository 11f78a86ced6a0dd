#!/usr/bin/env bash
# Guess: A message that a worker received but did not acknowledge stays in the folder and is delivered
#   again, as with a broker.
# So: kombu 5.7.0 deletes the file when it delivers it. A connection that closes in order writes it back; a
#   process that ends at once (as by SIGKILL or a power cut) loses it.
# Bites: `acks_late` promises nothing with the folder transport: a worker that is killed during a payout's
#   follow-up takes the task with it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'kombu==5.7.0'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import os
import subprocess
import sys

WORKER = """
import os, sys
from kombu import Connection
options = {"data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"}
with Connection("filesystem://", transport_options=options) as connection:
    queue = connection.SimpleQueue("payouts")
    queue.put("payout 1")
    print("received:", queue.get(timeout=5).payload, flush=True)
    if sys.argv[1] == "killed":
        os._exit(1)
    queue.close()
"""
left = {}
for end in ("closed", "killed"):
    for name in ("queue", "control"):
        os.makedirs(name, exist_ok=True)
    subprocess.run([sys.executable, "-c", WORKER, end], check=False)
    left[end] = len(os.listdir("queue"))
    print(f"messages in the folder after the worker was {end}: {left[end]}")
    for name in os.listdir("queue"):
        os.remove(os.path.join("queue", name))
holds = left == {"closed": 1, "killed": 0}
if not holds:
    sys.exit("This has changed: the folder transport keeps a message until it is acknowledged.")
PYTHON
