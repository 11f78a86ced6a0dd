"""Identifiers in the formats of Daraja's samples.

The simulator imitates only the format. A CheckoutRequestID contains the last nine digits of the payer's
number, and a receipt starts with its date. The other characters have no meaning.
"""

import secrets
import string
from datetime import datetime

from daraja_simulator.wire import NAIROBI

_ALPHABET = string.ascii_uppercase + string.digits
_DAYS = "123456789ABCDEFGHIJKLMNOPQRSTUV"
_FIRST_YEAR = 2006


def request_id() -> str:
    """Return a MerchantRequestID or requestId such as `f1e2-4b95-a71d-b30d3cdbb7a7942864`."""
    head = "-".join(secrets.token_hex(2) for _ in range(3))
    return f"{head}-{secrets.token_hex(6)}{secrets.randbelow(900_000) + 100_000}"


def checkout_request_id(moment: datetime, msisdn: str) -> str:
    """Return `ws_CO_`, the Nairobi time to the millisecond, and the nine subscriber digits."""
    local = moment.astimezone(NAIROBI)
    return f"ws_CO_{local:%d%m%Y%H%M%S}{local.microsecond // 1000}{msisdn[-9:]}"


def conversation_id(moment: datetime) -> str:
    """Return `AG_yyyyMMdd_2010` and sixteen hexadecimal digits."""
    return f"AG_{moment.astimezone(NAIROBI):%Y%m%d}_2010{secrets.token_hex(8)}"


def receipt_prefix(moment: datetime) -> str:
    """Return a receipt's date: year (S = 2024), month (A to L), day (1 to 9, then A to V)."""
    local = moment.astimezone(NAIROBI)
    year = string.ascii_uppercase[(local.year - _FIRST_YEAR) % 26]
    return year + string.ascii_uppercase[local.month - 1] + _DAYS[local.day - 1]


def receipt(moment: datetime) -> str:
    """Return an M-Pesa receipt: ten upper-case letters and digits."""
    return receipt_prefix(moment) + "".join(secrets.choice(_ALPHABET) for _ in range(7))


def placeholder_receipt(moment: datetime) -> str:
    """Return the `TransactionID` of a result without a movement, such as `OAK0000000`."""
    return f"{receipt_prefix(moment)}0000000"


def access_token() -> str:
    """Return 28 opaque letters and digits."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(28))
