"""The ledger: accounts of customers, the shop and other organizations, and every movement between them.

The ledger is append-only, and amounts are whole shillings. A payment debits the customer and credits the
shop, a payout does the reverse, and B2B debits the shop and credits another organization. The sum over all
accounts never changes.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from daraja_simulator import ids
from daraja_simulator.outcomes import ResultCode
from daraja_simulator.wire import Json, iso

UTILITY = "utility"
"""The account that receives customers' payments and pays B2C payouts."""

ORGANIZATION = "SIMULATED SHOP"
"""The shop's name in results."""

ACCOUNTS = {
    "working": "Working Account",
    "float": "Float Account",
    UTILITY: "Utility Account",
    "charges": "Charges Paid Account",
    "settlement": "Organization Settlement Account",
}
"""The shop's accounts, with their names in results."""

MAX_WRONG_PINS = 3


@dataclass(slots=True)
class Customer:
    """A subscriber with a balance and a PIN. `messages` are the SMS on the phone, the newest last."""

    msisdn: str
    pin: str
    balance: int
    wrong_pins: int = 0
    messages: list[str] = field(default_factory=list)

    @property
    def locked(self) -> bool:
        """Whether the customer entered a wrong PIN too often."""
        return self.wrong_pins >= MAX_WRONG_PINS

    @property
    def first_name(self) -> str:
        """The only name in a C2B confirmation."""
        return "CUSTOMER"

    @property
    def name(self) -> str:
        """The name in results."""
        return f"{self.first_name} {self.msisdn[-4:]}"

    def enter_pin(self, pin: str) -> ResultCode:
        """Return 0 for the right PIN, 2001 for a wrong PIN, or 8006 if the PIN is locked."""
        if self.locked:
            return 8006
        self.wrong_pins = 0 if pin == self.pin else self.wrong_pins + 1
        return 2001 if self.wrong_pins else 0

    def as_json(self) -> Json:
        """Return the customer as the control API shows it."""
        return {
            "msisdn": self.msisdn,
            "pin": self.pin,
            "balance": self.balance,
            "locked": self.locked,
        }


@dataclass(frozen=True, slots=True)
class Cause:
    """The reason of a movement: its kind, its time, and the ids of what caused it."""

    kind: str
    at: datetime
    refs: dict[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the ledger. `change` is negative for a debit."""

    cause: Cause
    receipt: str
    holder: str
    change: int
    balance: int

    def as_json(self) -> Json:
        """Return the entry with a positive amount."""
        return {
            "kind": self.cause.kind,
            "receipt": self.receipt,
            "amount": abs(self.change),
            **self.cause.refs,
            "at": iso(self.cause.at),
        }

    def as_shop_json(self) -> Json:
        """Return the entry of a shop account, with the signed amount and the new balance."""
        return self.as_json() | {
            "account": self.holder,
            "amount": self.change,
            "balance": self.balance,
        }


class Ledger:
    """The customers, the shop's accounts, other organizations, and every movement between them."""

    def __init__(self, utility_balance: int) -> None:
        self.customers: dict[str, Customer] = {}
        self.accounts: dict[str, int] = dict.fromkeys(ACCOUNTS, 0) | {UTILITY: utility_balance}
        self.customer_entries: list[Entry] = []
        self.shop_entries: list[Entry] = []
        self.organizations: dict[str, int] = {}
        """What other organizations have received, by their numbers."""
        self.transfer_entries: list[Entry] = []
        self.reversed: set[str] = set()
        """Receipts of payments that were reversed."""
        self._debits: dict[str, Entry] = {}
        self._receipts: set[str] = set()

    def new_receipt(self, at: datetime) -> str:
        """Return a new, unique receipt."""
        receipt = ids.receipt(at)
        while receipt in self._receipts:
            receipt = ids.receipt(at)
        self._receipts.add(receipt)
        return receipt

    def debit_customer(
        self, customer: Customer, amount: int, cause: Cause, receipt: str | None = None
    ) -> str:
        """Move `amount` from the customer to the shop. Return the receipt, which is new unless given."""
        receipt = self._move(customer, -amount, cause, receipt)
        self._debits[receipt] = self.customer_entries[-1]
        return receipt

    def debit(self, receipt: str) -> Entry | None:
        """Return the customer's entry of a payment, or None if there is no such payment."""
        return self._debits.get(receipt)

    def credit_customer(self, customer: Customer, amount: int, cause: Cause) -> str:
        """Move `amount` from the shop's utility account to the customer. Return the receipt."""
        return self._move(customer, amount, cause)

    def reverse(self, debit: Entry, cause: Cause) -> str:
        """Return a payment from the shop's utility account to its customer. Return the receipt."""
        self.reversed.add(debit.receipt)
        return self.credit_customer(self.customers[debit.holder], -debit.change, cause)

    def pay_organization(self, number: str, amount: int, cause: Cause) -> str:
        """Move `amount` from the shop's utility account to an organization. Return the receipt."""
        receipt = self.new_receipt(cause.at)
        balance = self.organizations.get(number, 0) + amount
        self.organizations[number] = balance
        self.transfer_entries.append(Entry(cause, receipt, number, amount, balance))
        self._change_shop(cause, receipt, -amount)
        return receipt

    def as_json(self) -> Json:
        """Return customers' debits and credits, transfers, and the entries of the shop's accounts."""
        return {
            "debits": [entry.as_json() for entry in self.customer_entries if entry.change < 0],
            "credits": [entry.as_json() for entry in self.customer_entries if entry.change > 0],
            "transfers": [entry.as_json() for entry in self.transfer_entries],
            "shop": [entry.as_shop_json() for entry in self.shop_entries],
            "accounts": dict(self.accounts),
            "organizations": dict(self.organizations),
        }

    def _move(self, customer: Customer, change: int, cause: Cause, receipt: str | None = None) -> str:
        receipt = receipt or self.new_receipt(cause.at)
        cause = replace(cause, refs={"msisdn": customer.msisdn} | cause.refs)
        customer.balance += change
        self.customer_entries.append(Entry(cause, receipt, customer.msisdn, change, customer.balance))
        self._change_shop(cause, receipt, -change)
        return receipt

    def _change_shop(self, cause: Cause, receipt: str, change: int) -> None:
        self.accounts[UTILITY] += change
        self.shop_entries.append(Entry(cause, receipt, UTILITY, change, self.accounts[UTILITY]))
