#!/usr/bin/env bash
# Guess: `verify` takes the body as bytes or text, so `sign` does, too.
# So: standardwebhooks 1.1.0 signs the Python spelling of the bytes: the signature of b'{}' is that of the
#   text "b'{}'". Nothing is raised.
# Bites: A sender that signs the bytes it posts delivers events whose signatures fail at every receiver. A
#   test that only compares two calls of `sign` stays green.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'standardwebhooks==1.1.0'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from datetime import datetime, timezone

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(b"a key of thirty-two bytes exactly")
at = datetime.now(timezone.utc).replace(microsecond=0)
signature = webhook.sign("m1", at, b'{"amount": 100}')
headers = {"webhook-id": "m1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}
try:
    webhook.verify(b'{"amount": 100}', headers)
    verified = True
except WebhookVerificationError as error:
    verified = False
    print("verify of the same bytes:", error)
spelt = signature == webhook.sign("m1", at, "b'{\"amount\": 100}'")
print("signed as the spelling of the bytes:", spelt)
holds = spelt and not verified
if not holds:
    sys.exit("This has changed: sign now signs bytes as verify reads them, or refuses them.")
PYTHON
