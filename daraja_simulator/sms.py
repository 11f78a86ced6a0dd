"""The SMS that a customer's phone receives."""

from daraja_simulator.ledger import Customer
from daraja_simulator.money import Money


def paid(customer: Customer, receipt: str, amount: Money, shortcode: str, account: str) -> None:
    """Add the SMS about a payment. A till has no account."""
    purpose = f" for account {account}" if account else ""
    _confirmed(customer, receipt, f"Ksh{amount:,.2f} paid to {shortcode}{purpose}.")


def received(customer: Customer, receipt: str, amount: Money, sender: str) -> None:
    """Add the SMS about received money."""
    _confirmed(customer, receipt, f"You have received Ksh{amount:,.2f} from {sender}.")


def payment_reversed(customer: Customer, receipt: str, amount: Money, original: str) -> None:
    """Add the SMS about a reversed payment."""
    _confirmed(customer, receipt, f"Ksh{amount:,.2f} of {original} reversed to you.")


def failed(customer: Customer, reason: str) -> None:
    """Add the SMS about a failed payment."""
    customer.messages.append(f"Failed. {reason}")


def _confirmed(customer: Customer, receipt: str, what: str) -> None:
    balance = f"New M-PESA balance is Ksh{customer.balance:,.2f}."
    customer.messages.append(f"{receipt} Confirmed. {what} {balance}")
