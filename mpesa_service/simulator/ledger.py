"""Two books that must agree: the customers' and the shop's. Entries are only ever added.

Amounts are whole shillings. Money that a customer pays is debited in the customers' book and
credited in the shop's; a payout is the reverse. The sum over both books never changes.
"""

from dataclasses import dataclass, field
from datetime import datetime

from mpesa_service.simulator import ids
from mpesa_service.simulator.wire import Json, iso

UTILITY = "utility"
"""The account that customers' payments reach and that B2C pays from."""

MAX_WRONG_PINS = 3


@dataclass(slots=True)
class Customer:
    """A subscriber with money and a PIN. `messages` are the SMS on the phone, newest last."""

    msisdn: str
    pin: str
    balance: int
    wrong_pins: int = 0
    messages: list[str] = field(default_factory=list)

    @property
    def locked(self) -> bool:
        """Tell whether the PIN was entered wrongly too often."""
        return self.wrong_pins >= MAX_WRONG_PINS

    @property
    def name(self) -> str:
        """Return the name that results print."""
        return f"CUSTOMER {self.msisdn[-4:]}"

    def as_json(self) -> Json:
        """Return what the control API shows."""
        return {
            "msisdn": self.msisdn,
            "pin": self.pin,
            "balance": self.balance,
            "locked": self.locked,
        }


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a book: `change` is negative for a debit."""

    receipt: str
    holder: str
    change: int
    balance: int
    msisdn: str
    at: datetime
    ids: dict[str, str]

    def as_json(self) -> Json:
        """Return the line with its amount as a positive number."""
        return {
            "receipt": self.receipt,
            "amount": abs(self.change),
            "msisdn": self.msisdn,
            **self.ids,
            "at": iso(self.at),
        }

    def as_shop_json(self) -> Json:
        """Return the line as the shop's book shows it, with its sign and the balance after it."""
        return self.as_json() | {
            "account": self.holder,
            "amount": self.change,
            "balance": self.balance,
        }


class Ledger:
    """The customers, the shop's accounts, and every movement between them."""

    def __init__(self, utility_balance: int) -> None:
        self.customers: dict[str, Customer] = {}
        self.accounts: dict[str, int] = {UTILITY: utility_balance, "working": 0, "charges": 0}
        self.customer_entries: list[Entry] = []
        self.shop_entries: list[Entry] = []
        self._receipts: set[str] = set()

    def debit_customer(self, customer: Customer, amount: int, at: datetime, refs: dict[str, str]) -> str:
        """Move `amount` from the customer to the shop; return the receipt."""
        return self._move(customer, -amount, at, refs)

    def credit_customer(self, customer: Customer, amount: int, at: datetime, refs: dict[str, str]) -> str:
        """Move `amount` from the shop's utility account to the customer; return the receipt."""
        return self._move(customer, amount, at, refs)

    def as_json(self) -> Json:
        """Return debits and credits as the customers saw them, and the shop's book."""
        return {
            "debits": [entry.as_json() for entry in self.customer_entries if entry.change < 0],
            "credits": [entry.as_json() for entry in self.customer_entries if entry.change > 0],
            "shop": [entry.as_shop_json() for entry in self.shop_entries],
            "accounts": dict(self.accounts),
        }

    def _move(self, customer: Customer, change: int, at: datetime, refs: dict[str, str]) -> str:
        receipt = self._new_receipt(at)
        customer.balance += change
        self.accounts[UTILITY] -= change
        self.customer_entries.append(
            Entry(receipt, customer.msisdn, change, customer.balance, customer.msisdn, at, refs)
        )
        self.shop_entries.append(
            Entry(receipt, UTILITY, -change, self.accounts[UTILITY], customer.msisdn, at, refs)
        )
        return receipt

    def _new_receipt(self, at: datetime) -> str:
        receipt = ids.receipt(at)
        while receipt in self._receipts:
            receipt = ids.receipt(at)
        self._receipts.add(receipt)
        return receipt
