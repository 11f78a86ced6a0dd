"""What `run` prints when all is ready: the lines to paste for a first payment."""

import shlex
from pathlib import Path

from devtools.place import Place, Ready, shown_path
from devtools.startup import TOKEN_HOURS

_PHONE = "0712345678"
_MSISDN = "254712345678"

_TEXT = """\
Ready. Ctrl-C stops everything.

  service    {url}   log: {service_log}
  simulator  {simulator_url}/simulator/   its events follow below
  secrets    {secrets}

Paste this into another terminal (tokens are good for {days} days):

API={url}/api/mpesa
USER_TOKEN={user_token}
ADMIN_TOKEN={admin_token}

1. Take a payment. The phone is {simulator_url}/simulator/phone/{msisdn}
   Open it in a browser first to type the PIN (0000) yourself; otherwise the customer pays after 2 seconds.

ORDER=ORDER-$(date +%s)
ANSWER=$(curl -sS "$API/initiate" -H "Authorization: Bearer $USER_TOKEN" -H "Idempotency-Key: $ORDER" \\
  -H "Content-Type: application/json" -d '{{"orderId":"'"$ORDER"'","amount":100,"phoneNumber":"{phone}"}}')
ID=$(echo "$ANSWER" | sed -n 's/.*"checkoutRequestId":"\\([^"]*\\)".*/\\1/p'); echo "$ANSWER"

2. Ask what became of it, until it has succeeded:

curl -sS "$API/query/$ID" -H "Authorization: Bearer $USER_TOKEN"; echo

3. Pay a part of it back (all that is left, without -d and its header):

curl -sS -X POST "$API/$ID/refund" -H "Authorization: Bearer $ADMIN_TOKEN" \\
  -H "Content-Type: application/json" -d '{{"amount":40}}'; echo

4. Operators' commands work on this service, too, in the checkout:

set -a; . {settings}; set +a
.venv/bin/flask --app wsgi mpesa payments list
"""


def _sourced(path: Path) -> str:
    """Return a path as `.` takes it, which looks up a bare name elsewhere."""
    shown = shlex.quote(shown_path(path))
    return shown if "/" in shown else f"./{shown}"


def guide(place: Place, ready: Ready, service_log: str) -> str:
    """Return the text, with tokens and addresses filled in."""
    return _TEXT.format(
        url=ready.url,
        simulator_url=ready.simulator_url,
        service_log=service_log,
        settings=_sourced(place.settings),
        secrets=shown_path(place.secrets),
        days=TOKEN_HOURS // 24,
        user_token=ready.user_token,
        admin_token=ready.admin_token,
        phone=_PHONE,
        msisdn=_MSISDN,
    )
