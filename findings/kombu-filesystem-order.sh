#!/usr/bin/env bash
# Guess: The folder transport of kombu delivers the messages of a queue in the order in which they were
#   sent.
# So: kombu 5.7.0 names files by milliseconds since the machine's start and sorts the names as text. At
#   9.999 s and 10.000 s of uptime (of Linux), "10000_..." comes before "9999_...": sent a, b, c, received
#   b, c, a. It happens at each new digit, for example after 27.8 hours (10**8 ms), and after a restart.
# Bites: Events of one payment overtake each other: `settled` leaves before `pending`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'kombu==5.7.0'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import os
import sys
from unittest import mock

from kombu import Connection

for name in ("queue", "control"):
    os.mkdir(name)
options = {"data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"}
with Connection("filesystem://", transport_options=options) as connection:
    queue = connection.SimpleQueue("events")
    with mock.patch("kombu.transport.filesystem.monotonic", side_effect=[9.999, 10.0, 10.001]):
        for event in "abc":
            queue.put(event)
    received = []
    for _ in "abc":
        message = queue.get(timeout=5)
        received.append(message.payload)
        message.ack()
print("sent: a b c, received:", *received)
holds = received == ["b", "c", "a"]
if not holds:
    sys.exit("This has changed: the folder transport keeps the order when the uptime gets a digit more.")
PYTHON
