"""The text that `run` prints when everything is ready: the lines to paste for a first payment."""

import shlex
from pathlib import Path

from devtools.paths import LocalPaths, shown_path
from devtools.running_stack import RunningStack
from devtools.startup import TOKEN_HOURS

_PHONE = "0712345678"
_MSISDN = "254712345678"

_TEXT = """\
Ready. Ctrl-C stops everything.

  service    {url}   log: {service_log}
  simulator  {simulator_url}/simulator/   its events appear below
  secrets    {secrets}

Paste these lines into another terminal. The tokens are valid for {days} days.

API={url}/api/mpesa
USER_TOKEN={user_token}
ADMIN_TOKEN={admin_token}

1. Take a payment. The phone is at {simulator_url}/simulator/phone/{msisdn}
   Open it in a browser first if you want to type the PIN (0000). Otherwise the customer pays after 2 seconds.

ORDER=ORDER-$(date +%s)
ANSWER=$(curl -sS "$API/initiate" -H "Authorization: Bearer $USER_TOKEN" -H "Idempotency-Key: $ORDER" \\
  -H "Content-Type: application/json" -d '{{"orderId":"'"$ORDER"'","amount":100,"phoneNumber":"{phone}"}}')
ID=$(echo "$ANSWER" | sed -n 's/.*"checkoutRequestId":"\\([^"]*\\)".*/\\1/p'); echo "$ANSWER"

2. Query the payment until it has succeeded:

curl -sS "$API/query/$ID" -H "Authorization: Bearer $USER_TOKEN"; echo

3. Refund a part. Without -d and its header, the call refunds the whole rest:

curl -sS -X POST "$API/$ID/refund" -H "Authorization: Bearer $ADMIN_TOKEN" \\
  -H "Content-Type: application/json" -d '{{"amount":40}}'; echo

4. Run operator commands on this service. Use a terminal in the checkout:

set -a; . {settings}; set +a
.venv/bin/python -m mpesa_service payments list
"""


def _sourced(path: Path) -> str:
    """Return a path for the shell's `.` command, which searches PATH for a name without a slash."""
    shown = shlex.quote(shown_path(path))
    return shown if "/" in shown else f"./{shown}"


def guide(paths: LocalPaths, stack: RunningStack, service_log: str) -> str:
    """Return the text with the tokens and addresses of the stack."""
    return _TEXT.format(
        url=stack.url,
        simulator_url=stack.simulator_url,
        service_log=service_log,
        settings=_sourced(paths.settings),
        secrets=shown_path(paths.secrets),
        days=TOKEN_HOURS // 24,
        user_token=stack.user_token,
        admin_token=stack.admin_token,
        phone=_PHONE,
        msisdn=_MSISDN,
    )
