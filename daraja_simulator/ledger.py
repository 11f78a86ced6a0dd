"""The ledger: accounts of customers, the shop and other organizations, and every movement between them.

The ledger is append-only, and amounts are shillings, exact to the cent. A payment debits the customer and
credits the shop, a payout does the reverse, and B2B debits the shop and credits another organization. A
sweep moves money between the shop's accounts. Charges and withdrawals to the bank leave these accounts;
`outside` counts them. The sum over all accounts, with `outside`, never changes.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from daraja_simulator import ids
from daraja_simulator.money import Money, json_number, size
from daraja_simulator.outcomes import ResultCode
from daraja_simulator.wire import Json, iso

UTILITY = "utility"
"""The account that receives customers' payments and pays B2C payouts."""

CHARGES = "charges"
"""The account that owes charges if the option charges_account says so."""

BANK, FEES = "bank", "fees"
"""The holders outside the shop's accounts: its bank, and M-Pesa's own income."""

CHARGE, SWEEP, WITHDRAWAL = "charge", "sweep", "withdrawal"
"""The kinds of entries that only the shop's accounts have."""

ORGANIZATION = "SIMULATED SHOP"
"""The shop's name in results."""

ACCOUNTS = {
    "working": "Working Account",
    "float": "Float Account",
    UTILITY: "Utility Account",
    CHARGES: "Charges Paid Account",
    "settlement": "Organization Settlement Account",
}
"""The shop's accounts, with their names in results."""

MAX_WRONG_PINS = 3


@dataclass(slots=True)
class Customer:
    """A subscriber with a balance and a PIN. `messages` are the SMS on the phone, the newest last."""

    msisdn: str
    pin: str
    balance: Money
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
            "balance": json_number(self.balance),
            "locked": self.locked,
        }


@dataclass(frozen=True, slots=True)
class Cause:
    """The reason of a movement: its kind, its time, and the ids of what caused it."""

    kind: str
    at: datetime
    refs: dict[str, str]
    shortcode: str = ""
    """The shop's number in the transaction."""
    command: str = ""
    """`paybill` or `till` for a customer's payment and its reversal, the CommandID for a payout."""
    initiated_at: datetime | None = None
    """The time of the request, if it is not `at`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the ledger. `change` is negative for a debit."""

    cause: Cause
    receipt: str
    holder: str
    change: Money
    balance: Money

    def as_json(self) -> Json:
        """Return the entry with a positive amount."""
        return {
            "kind": self.cause.kind,
            "receipt": self.receipt,
            "amount": json_number(size(self.change)),
            **self.cause.refs,
            "at": iso(self.cause.at),
        }

    def as_shop_json(self) -> Json:
        """Return the entry of a shop account, with the signed amount and the new balance."""
        return self.as_json() | {
            "account": self.holder,
            "amount": json_number(self.change),
            "balance": json_number(self.balance),
        }


class Ledger:
    """The customers, the shop's accounts, other organizations, and every movement between them."""

    def __init__(self, utility_balance: int) -> None:
        self.customers: dict[str, Customer] = {}
        self.opening: dict[str, Money] = {
            name: utility_balance if name == UTILITY else 0 for name in ACCOUNTS
        }
        self.accounts: dict[str, Money] = dict(self.opening)
        self.outside: dict[str, Money] = {BANK: 0, FEES: 0}
        self.customer_entries: list[Entry] = []
        self.shop_entries: list[Entry] = []
        self.organizations: dict[str, Money] = {}
        """What other organizations have received, by their numbers."""
        self.transfer_entries: list[Entry] = []
        self.reversed: set[str] = set()
        """Receipts of payments that were reversed."""
        self.charges: dict[str, Money] = {}
        """The charges by the receipts of their transactions."""
        self.own_entries: dict[str, Entry] = {}
        """The entries of sweeps, withdrawals, and charges with own receipts, by receipt."""
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
        self, customer: Customer, amount: Money, cause: Cause, receipt: str | None = None
    ) -> str:
        """Move `amount` from the customer to the shop. Return the receipt, which is new unless given."""
        receipt = self._move(customer, -amount, cause, receipt)
        self._debits[receipt] = self.customer_entries[-1]
        return receipt

    def debit(self, receipt: str) -> Entry | None:
        """Return the customer's entry of a payment, or None if there is no such payment."""
        return self._debits.get(receipt)

    def credit_customer(self, customer: Customer, amount: Money, cause: Cause) -> str:
        """Move `amount` from the shop's utility account to the customer. Return the receipt."""
        return self._move(customer, amount, cause)

    def reverse(self, debit: Entry, cause: Cause) -> str:
        """Return a payment from the shop's utility account to its customer. Return the receipt."""
        self.reversed.add(debit.receipt)
        return self.credit_customer(self.customers[debit.holder], -debit.change, cause)

    def pay_organization(self, number: str, amount: Money, cause: Cause) -> str:
        """Move `amount` from the shop's utility account to an organization. Return the receipt."""
        receipt = self.new_receipt(cause.at)
        balance = self.organizations.get(number, 0) + amount
        self.organizations[number] = balance
        self.transfer_entries.append(Entry(cause, receipt, number, amount, balance))
        self._change_shop(cause, receipt, -amount)
        return receipt

    def charge(
        self, cause: Cause, receipt: str, account: str, amount: Money, *, own_receipt: bool = False
    ) -> None:
        """Take a charge from an account, under the transaction's receipt or a new one."""
        self.charges[receipt] = amount
        refs = {"charged": receipt, "chargedKind": cause.kind}
        number = self.new_receipt(cause.at) if own_receipt else receipt
        entry = self._change_shop(replace(cause, kind=CHARGE, refs=refs), number, -amount, account)
        if own_receipt:
            self.own_entries[number] = entry
        self.outside[FEES] += amount

    def sweep(self, source: str, target: str, amount: Money, cause: Cause) -> str:
        """Move `amount` between two accounts of the shop, or to `bank`. Return the receipt of both."""
        receipt = self.new_receipt(cause.at)
        self.own_entries[receipt] = self._change_shop(cause, receipt, -amount, source)
        if target == BANK:
            self.outside[BANK] += amount
        else:
            self._change_shop(cause, receipt, amount, target)
        return receipt

    def as_json(self) -> Json:
        """Return customers' debits and credits, transfers, and the entries of the shop's accounts."""
        return {
            "debits": [entry.as_json() for entry in self.customer_entries if entry.change < 0],
            "credits": [entry.as_json() for entry in self.customer_entries if entry.change > 0],
            "transfers": [entry.as_json() for entry in self.transfer_entries],
            "shop": [entry.as_shop_json() for entry in self.shop_entries],
            "accounts": {name: json_number(balance) for name, balance in self.accounts.items()},
            "organizations": {name: json_number(balance) for name, balance in self.organizations.items()},
            "outside": {name: json_number(balance) for name, balance in self.outside.items()},
        }

    def _move(self, customer: Customer, change: Money, cause: Cause, receipt: str | None = None) -> str:
        receipt = receipt or self.new_receipt(cause.at)
        cause = replace(cause, refs={"msisdn": customer.msisdn} | cause.refs)
        customer.balance += change
        self.customer_entries.append(Entry(cause, receipt, customer.msisdn, change, customer.balance))
        self._change_shop(cause, receipt, -change)
        return receipt

    def _change_shop(self, cause: Cause, receipt: str, change: Money, account: str = UTILITY) -> Entry:
        self.accounts[account] += change
        entry = Entry(cause, receipt, account, change, self.accounts[account])
        self.shop_entries.append(entry)
        return entry
