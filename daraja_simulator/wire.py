"""The spellings of Daraja that every part of the simulator needs: times, numbers, JSON."""

import re
from datetime import datetime, timedelta, timezone
from typing import Any

Json = dict[str, Any]
"""A JSON object, as parsed or as about to be written."""

NAIROBI = timezone(timedelta(hours=3), "EAT")
"""Kenya's time, on the wire everywhere; it knows no daylight saving."""

SUBSCRIBER = re.compile(r"254[17][0-9]{8}")
"""The only form of a phone number that Daraja takes: twelve digits, 2547… or 2541…."""

_TYPED = re.compile(r"(?:\+?254|0)?([17][0-9]{8})")


def stamp(moment: datetime) -> str:
    """Return yyyyMMddHHmmss in Nairobi, the form of `Timestamp` and `TransactionDate`."""
    return moment.astimezone(NAIROBI).strftime("%Y%m%d%H%M%S")


def dotted(moment: datetime) -> str:
    """Return dd.MM.yyyy HH:mm:ss in Nairobi, the form that B2C results use."""
    return moment.astimezone(NAIROBI).strftime("%d.%m.%Y %H:%M:%S")


def decimals(amount: float) -> str:
    """Return shillings with two decimals, such as 5.00."""
    return f"{amount:.2f}"


def account(name: str, balance: int) -> str:
    """Return an account as results print it: name, currency, current, available, reserved, uncleared."""
    funds = decimals(balance)
    return f"{name}|KES|{funds}|{funds}|0.00|0.00"


def iso(moment: datetime | None) -> str | None:
    """Return the ISO 8601 form that the simulator's own API speaks, or None."""
    return None if moment is None else moment.astimezone(NAIROBI).isoformat()


def masked(msisdn: str) -> str:
    """Return 254712***678, the form that may be printed."""
    return f"{msisdn[:6]}***{msisdn[-3:]}"


def subscriber(text: str) -> str | None:
    """Return what a person typed (0712…, +254712…, 712…) as 254712…, or None."""
    match = _TYPED.fullmatch(re.sub(r"[\s()-]", "", text))
    return f"254{match[1]}" if match else None
