"""Daraja's formats of times, amounts and phone numbers."""

import re
from datetime import datetime, timedelta, timezone
from typing import Any

from daraja_simulator.money import Money

Json = dict[str, Any]
"""A JSON object."""

NAIROBI = timezone(timedelta(hours=3), "EAT")
"""Kenya's time zone, which all messages use. It has no daylight saving time."""

SUBSCRIBER = re.compile(r"254[17][0-9]{8}")
"""The only phone number format that Daraja accepts: twelve digits, 2547… or 2541…."""

_TYPED = re.compile(r"(?:\+?254|0)?([17][0-9]{8})")


def compact_time(moment: datetime) -> str:
    """Return yyyyMMddHHmmss in Nairobi time, the format of `Timestamp` and `TransactionDate`."""
    return moment.astimezone(NAIROBI).strftime("%Y%m%d%H%M%S")


def dotted_time(moment: datetime) -> str:
    """Return dd.MM.yyyy HH:mm:ss in Nairobi time, the format in B2C results."""
    return moment.astimezone(NAIROBI).strftime("%d.%m.%Y %H:%M:%S")


def two_decimals(amount: Money | float) -> str:
    """Return shillings with two decimals, such as 5.00."""
    return f"{amount:.2f}"


def account_text(name: str, balance: Money) -> str:
    """Return an account as in results: name, currency, current, available, reserved, uncleared."""
    funds = two_decimals(balance)
    return f"{name}|KES|{funds}|{funds}|0.00|0.00"


def iso(moment: datetime | None) -> str | None:
    """Return the time in ISO 8601, the format of the control API, or None."""
    return None if moment is None else moment.astimezone(NAIROBI).isoformat()


def masked(msisdn: str) -> str:
    """Return the masked number for log lines: 254712***678."""
    return f"{msisdn[:6]}***{msisdn[-3:]}"


def subscriber(text: str) -> str | None:
    """Return a number that a person typed (0712…, +254712…, 712…) as 254712…, or None."""
    match = _TYPED.fullmatch(re.sub(r"[\s()-]", "", text))
    return f"254{match[1]}" if match else None
