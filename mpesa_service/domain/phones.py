"""Kenyan mobile numbers: the forms that people type, the form that is stored and sent, and the masked form.

Carrier prefixes are not checked: numbers are ported between networks and new ranges open, so only
Safaricom knows who is a customer. The shape is Kenya's numbering plan: 254, then 7 or 1, then eight digits.
"""

import re
import unicodedata

from mpesa_service.errors import InvalidPhone

_FILLERS = str.maketrans("", "", " -()[]{}.")
_FILLER_CLASSES = frozenset({"Cf", "Pd", "Zs", "Ps", "Pe"})
"""Unicode classes: signs without a shape (direction marks, zero-width blanks), dashes, blanks, brackets."""
_MINUS = "\u2212"
"""A spreadsheet writes it for a dash. Unicode counts it as mathematics."""
_SHAPE = re.compile(r"(?:\+|00)?254([17]\d{8})|0([17]\d{8})|([17]\d{8})", re.ASCII)
_HASH = re.compile(r"[0-9A-Fa-f]{32,128}")
LONGEST = 48
"""Characters of a number as it is typed or pasted, fillers included."""
MOST_DIGITS_SHOWN = 9
"""Digits of a number's twelve, with the country code. M-Pesa's own mask shows seven: `2547 ***** 126`."""

_WITHIN = re.compile(r"(?<![0-9])(?:(?:\+|00)?254[ .-]?|0)?[17]\d(?:[ .-]?\d){7}(?![0-9])", re.ASCII)
_ORGANIZATION = re.compile(r"\d{5,7}(?!\d)")


def normalize_msisdn(text: str) -> str:
    """Return `text` as 254XXXXXXXXX (12 ASCII digits).

    Accepts 254712345678, +254712345678, 00254712345678, 0712345678 and 712345678 (and the same with 1 for
    7), with dots, blanks, dashes and brackets of any script between, and with the invisible signs that
    contacts and word processors add. Raises InvalidPhone for anything else, including Unicode digits and a
    doubled prefix such as 2540712345678.
    """
    match = _SHAPE.fullmatch(_without_fillers(text)) if len(text) <= LONGEST else None
    if match is None:
        raise InvalidPhone
    return "254" + next(group for group in match.groups() if group)


def _without_fillers(text: str) -> str:
    if not text.isascii():
        text = "".join(c for c in text if c != _MINUS and unicodedata.category(c) not in _FILLER_CLASSES)
    return text.translate(_FILLERS)


def mask_msisdn(msisdn: str) -> str:
    """Return a normalized number with its middle hidden, `254712***678`: enough to recognize, not to call."""
    return f"{msisdn[:6]}***{msisdn[-3:]}"


def mask_reference(typed: str) -> str:
    """Return the account that a payer typed, with the middle of every phone number in it hidden.

    Many customers type their own number.
    """
    return _WITHIN.sub(lambda found: mask_msisdn(normalize_msisdn(found[0])), typed)


def mask_party(party: str) -> str:
    """Return a party as M-Pesa names it, `254712345678 - JANE WANJIKU`, with number and names hidden.

    An organization is named with its business number, and is shown unchanged.
    """
    if _ORGANIZATION.match(party):
        return party
    number = re.sub(r"\d{9,}", lambda found: mask_msisdn(found[0]), party)
    return re.sub(r"[^\W\d_]{2,}", lambda found: found[0][0] + "***", number)


def mask_payer(payer: str) -> str | None:
    """Return a payer from M-Pesa's report for clients: masked, or `hashed`; None if there is none."""
    if not payer:
        return None
    if _HASH.fullmatch(payer):
        return "hashed"
    try:
        return mask_msisdn(normalize_msisdn(payer))
    except InvalidPhone:
        digits = sum(letter.isdigit() for letter in payer)
        return payer if digits <= MOST_DIGITS_SHOWN else f"***{payer[-3:]}"


def same_phone(phone: str, reported: str | None) -> bool:
    """Return whether the payer in a provider's report agrees with the requested number.

    A missing, masked or hashed number agrees, because it contains no information.
    """
    if reported is None:
        return True
    try:
        return normalize_msisdn(reported) == phone
    except InvalidPhone:
        return True
