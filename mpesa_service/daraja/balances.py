"""How M-Pesa writes the balances of a shortcode's accounts: with bars between columns, & between accounts."""

from dataclasses import dataclass
from decimal import Decimal

from mpesa_service.daraja.values import read_balance

_COLUMNS = 6


@dataclass(frozen=True, kw_only=True)
class AccountBalance:
    """One account of a shortcode, in shillings. Paid charges are negative.

    The columns after the currency are named differently from one document to the next; these are
    the names of most. A column that is missing or no number is None. Which accounts there are
    depends on the product: "Utility Account" pays payouts, "Working Account" receives (documented).
    """

    name: str
    currency: str
    current: Decimal
    available: Decimal | None
    reserved: Decimal | None
    uncleared: Decimal | None


def read_accounts(value: object) -> tuple[AccountBalance, ...]:
    """Return the accounts in a text, without those that show no balance; () when it is no such text."""
    texts = value.split("&") if isinstance(value, str) else []
    return tuple(account for text in texts if (account := _read_account(text)) is not None)


def _read_account(text: str) -> AccountBalance | None:
    columns = [column.strip() for column in text.split("|")] + [""] * _COLUMNS
    current = read_balance(columns[2])
    if current is None:
        return None
    return AccountBalance(
        name=columns[0],
        currency=columns[1],
        current=current,
        available=read_balance(columns[3]),
        reserved=read_balance(columns[4]),
        uncleared=read_balance(columns[5]),
    )
