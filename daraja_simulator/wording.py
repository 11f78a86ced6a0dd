"""The words of an entry in the organization portal's statement.

The words for customers' payments, charges, sweeps and reversals are those that statements of real shops have.
No statement with a B2C, Pochi or B2B row was published; their words follow those of the status query.
"""

from dataclasses import dataclass

from daraja_simulator.charges import TILL
from daraja_simulator.ledger import ACCOUNTS, BANK, CHARGE, ORGANIZATION, SWEEP, WITHDRAWAL, Entry
from daraja_simulator.records import B2C, C2B, POCHI, REVERSAL, STK

_CHARGES = {B2C: "Business Payment Charge", POCHI: "Business Payment Charge"}
_PAYOUTS = {
    "BusinessPayment": "Business Payment to Customer",
    "SalaryPayment": "Salary Payment to Customer",
    "PromotionPayment": "Promotion Payment to Customer",
    "BusinessPayToPochi": "Business Payment to Pochi",
    "BusinessPayBill": "Business Pay Bill",
    "BusinessBuyGoods": "Business Buy Goods",
}
_OPERATOR = "testapi"
_WITHDRAWALS = {
    "settlement": ("Organization Settle to Bank", "Organization Settlement"),
    "working": ("Withdrawal to bank", "Withdraw Funds to Bank"),
}
_SHORT_NAMES = {"working": "Organization MMF Account"}


@dataclass(frozen=True, slots=True)
class Wording:
    """The text cells of one row. `details` has the party, which the portal masks."""

    details: str
    reason_type: str
    party: str = ""
    account: str = ""
    linked: str = ""


def wording_of(entry: Entry, name: str = "", party: str = "") -> Wording:
    """Return the words of an entry. `party` is the other party's number as shown, and `name` its name."""
    cause = entry.cause
    other = f"{party} - {name}" if name else party
    if cause.kind in (STK, C2B):
        return _payment(entry, other)
    if cause.kind == CHARGE:
        return _charge(entry)
    if cause.kind == REVERSAL:
        return _reversal(entry, other)
    if cause.kind == SWEEP:
        words = f"{account_name(cause.refs['from'])} to {account_name(cause.refs['to'])}"
        return Wording(words, words)
    if cause.kind == WITHDRAWAL:
        details, reason = _WITHDRAWALS.get(entry.holder, ("Withdrawal to bank", "Withdrawal"))
        return Wording(details, reason, "SIMULATED BANK")
    words, account = _PAYOUTS[cause.command], cause.refs.get("accountReference", "")
    ending = f" Acc. {account}" if account else ""
    return Wording(f"{words} via API to {other}{ending}", words, other, account)


def account_name(key: str) -> str:
    """Return an account's name in the words of a sweep."""
    return "Bank" if key == BANK else _SHORT_NAMES.get(key, ACCOUNTS[key])


def _payment(entry: Entry, other: str) -> Wording:
    cause = entry.cause
    online = cause.kind == STK
    if cause.command == TILL:
        details = f"{'Merchant Payment Online' if online else 'Pay Merchant'} from {other}"
        return Wording(details, "Customer Buy Goods Online" if online else "Pay Merchant", other)
    account = cause.refs["accountReference" if online else "billRefNumber"]
    words = "Pay Bill Online" if online else "Pay Bill"
    reason = "Pay Bill Online" if online else "Pay Utility"
    return Wording(f"{words} from {other} Acc. {account}", reason, other, account)


def _charge(entry: Entry) -> Wording:
    kind, command = entry.cause.refs["chargedKind"], entry.cause.command
    if kind in (STK, C2B):
        words = "Pay merchant Charge" if command == TILL else "Pay Bill Charge"
        return Wording(words, words, "SP")
    words = _CHARGES.get(kind, "Business Pay Bill Charge")
    return Wording(words, words, "" if kind in _CHARGES else "SP")


def _reversal(entry: Entry, other: str) -> Wording:
    till = entry.cause.command == TILL
    words = "Pay Merchant Reversal" if till else "Pay Utility Reversal"
    operator = _OPERATOR if till else f"{ORGANIZATION}\\{_OPERATOR}"
    linked = entry.cause.refs["originalReceipt"]
    return Wording(f"{words} by {operator}", words, other, linked=linked)
