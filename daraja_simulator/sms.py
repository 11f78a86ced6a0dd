"""The messages that a customer's phone receives."""

from daraja_simulator.ledger import Customer


def paid(customer: Customer, receipt: str, amount: int, shortcode: str, account: str) -> None:
    """Tell of a payment that was made; a till has no account."""
    purpose = f" for account {account}" if account else ""
    _confirmed(customer, receipt, f"Ksh{amount:,}.00 paid to {shortcode}{purpose}.")


def received(customer: Customer, receipt: str, amount: int, sender: str) -> None:
    """Tell of money that came in."""
    _confirmed(customer, receipt, f"You have received Ksh{amount:,}.00 from {sender}.")


def reversed_(customer: Customer, receipt: str, amount: int, original: str) -> None:
    """Tell of a payment that came back."""
    _confirmed(customer, receipt, f"Ksh{amount:,}.00 of {original} reversed to you.")


def failed(customer: Customer, reason: str) -> None:
    """Tell why nothing was paid."""
    customer.messages.append(f"Failed. {reason}")


def _confirmed(customer: Customer, receipt: str, what: str) -> None:
    balance = f"New M-PESA balance is Ksh{customer.balance:,}.00."
    customer.messages.append(f"{receipt} Confirmed. {what} {balance}")
