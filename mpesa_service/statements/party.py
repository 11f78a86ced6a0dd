"""The party of a line: the number and the name that M-Pesa shows, and the account that the payer typed.

Shape A has columns for them. In the other shapes they stand in the details:
`<type> from|by <number> - <name> Acc. <account>`, sometimes with ` via WEB by …` at the end.
"""

import re
from dataclasses import dataclass, field

_PARTY = re.compile(r"(?P<number>\+?[\d*x]{6,16})(?:\s*-\s*(?P<name>.*))?", re.IGNORECASE | re.DOTALL)
_DETAILS = re.compile(
    r" (?:from|by|to) (?P<party>.+?)(?: Acc\.\s*(?P<account>.*)|(?: via .*)?)$", re.IGNORECASE
)
_VIA = re.compile(r"(?:^| )via ", re.IGNORECASE)
_NO_PARTY = {"SP", "-", ""}


@dataclass(frozen=True)
class Party:
    """Who paid or was paid, as M-Pesa shows it: a number, whole or masked, a name, and the account typed.

    `longer` are other accounts that the details may mean: those that contain ` via `.
    """

    number: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    account: str = field(default="", repr=False)
    longer: tuple[str, ...] = field(default=(), repr=False)


def party_of(details: str, party: str, typed: str) -> Party:
    """Return the party of a line from its texts; each part is an empty text if it is not known."""
    match = _DETAILS.search(details)
    number, name = _split(party)
    if not number and match is not None:
        other_number, other_name = _split(match["party"])
        number, name = other_number, name or other_name
    elif not number and _PARTY.fullmatch(details.strip()):  # shape C: the details are the party
        number, name = _split(details)
    account, *longer = _accounts((match["account"] or "") if match else "")
    if not typed:
        return Party(number, name, account, tuple(longer))
    # A spreadsheet takes a column for a number and removes its zeros. It leaves the details as they are.
    bare = account_as_number(typed)
    is_number = bare.isdecimal() and account_as_number(account) == bare
    return Party(number, name, account if is_number else typed)


def _accounts(text: str) -> list[str]:
    """Return the accounts that details may mean: without any ` via `, and with more and more of them."""
    ends = [match.start() for match in _VIA.finditer(text)]
    return [text[:end].strip() for end in (*ends, len(text))]


def _split(text: str) -> tuple[str, str]:
    if text.strip() in _NO_PARTY:
        return "", ""
    match = _PARTY.fullmatch(text.strip())
    if match is None:
        return "", text.strip()
    return match["number"], (match["name"] or "").strip()


def account_as_number(account: str) -> str:
    """Return the weaker form of an account, as a spreadsheet changes it: no `.0`, no leading zeros."""
    return re.sub(r"\.0+$", "", account.strip()).lstrip("0")
