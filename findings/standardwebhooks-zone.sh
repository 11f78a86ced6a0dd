#!/usr/bin/env bash
# Guess: `Webhook.sign` converts an aware datetime to UTC, as `datetime.timestamp()` does.
# So: standardwebhooks 1.1.0 replaces the zone and converts nothing. Noon in Nairobi is signed as noon in
#   UTC, 10,800 seconds later.
# Bites: A sender that works in Nairobi time puts the right second in the `webhook-timestamp` header and
#   signs another one. Each delivery fails at the receiver.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'standardwebhooks==1.1.0' 'tzdata==2026.6'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from standardwebhooks import Webhook

webhook = Webhook(b"a key of thirty-two bytes exactly")
nairobi = datetime(2026, 12, 1, 12, tzinfo=ZoneInfo("Africa/Nairobi"))
utc = nairobi.astimezone(timezone.utc)
noon_utc = utc.replace(hour=12)
print("one instant, two zones, same signature:", webhook.sign("m1", nairobi, "{}") == webhook.sign("m1", utc, "{}"))
print("12:00 Nairobi signed as 12:00 UTC:", webhook.sign("m1", nairobi, "{}") == webhook.sign("m1", noon_utc, "{}"))
print("seconds between them:", int((noon_utc - nairobi).total_seconds()))
holds = webhook.sign("m1", nairobi, "{}") == webhook.sign("m1", noon_utc, "{}")
if not holds:
    sys.exit("This has changed: sign no longer overwrites the zone of an aware datetime.")
PYTHON
