"""Checks of values that Daraja would refuse or misunderstand. An error names the field, never its value."""

import re
from collections.abc import Iterable

_MSISDN = re.compile(r"254[17][0-9]{8}")
_SHORTCODE = re.compile(r"[0-9]{5,7}")
_URL = re.compile(r"https?://[^\s/]+(/\S*)?")


def check_amount(amount: object) -> None:
    """Raise ValueError unless it is a whole number of shillings."""
    if isinstance(amount, bool) or not isinstance(amount, int) or amount < 1:
        raise ValueError("amount must be a whole number of shillings, at least 1")


def check_msisdn(msisdn: str, name: str = "msisdn") -> None:
    """Raise ValueError unless it is a Kenyan mobile number in the form of the wire."""
    if not _MSISDN.fullmatch(msisdn):
        raise ValueError(f"{name} must be 12 digits, 2547XXXXXXXX or 2541XXXXXXXX")


def check_length(name: str, text: str, shortest: int, longest: int) -> None:
    """Raise ValueError for a text that is too short or too long."""
    if not shortest <= len(text) <= longest:
        raise ValueError(f"{name} must have {shortest} to {longest} characters")


def check_url(name: str, url: str) -> None:
    """Raise ValueError for an address that does not accept posts."""
    if not _URL.fullmatch(url):
        raise ValueError(f"{name} must be an http or https address without blanks")


def check_party(party: str) -> None:
    """Raise ValueError unless it is a shortcode or a till."""
    if not _SHORTCODE.fullmatch(party):
        raise ValueError("party must have 5 to 7 digits")


def check_choice(name: str, value: str, allowed: Iterable[str]) -> None:
    """Raise ValueError for a word that is not among the allowed ones."""
    words = list(allowed)
    if value not in words:
        raise ValueError(f"{name} must be one of {', '.join(words)}")


def check_delivery(remarks: str, occasion: str, result_url: str, timeout_url: str, least: int = 1) -> None:
    """Check what every command carries; `least` is the shortest that its remarks may be."""
    check_length("remarks", remarks, least, 100)
    check_length("occasion", occasion, 0, 100)
    check_url("result_url", result_url)
    check_url("timeout_url", timeout_url)
