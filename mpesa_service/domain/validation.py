"""Answers M-Pesa's validation request before a C2B payment: accept it, or the reason to reject it.

a fractional amount                             wrong amount
a prompt of the service waits for this payment  accept
an expected order accepts no more               wrong order
an expected order accepts more                  its amount rule, or the shortcode's, decides
a payment was started, and is paid              wrong order
a payment was started, and is not paid          the shortcode's amount rule decides
several orders match                            unsure
no order matches                                the shortcode's reference rule decides
"""

from dataclasses import dataclass
from enum import StrEnum

from mpesa_service.domain.orders import AmountRule, OrderStatus, ReferenceRule, WhenUnsure


class Objection(StrEnum):
    """The reason to reject a payment."""

    SHORTCODE = "shortcode"
    ACCOUNT = "account"
    AMOUNT = "amount"
    ORDER = "order"
    """The order is expired, canceled or already paid."""
    UNSURE = "unsure"


@dataclass(frozen=True)
class ShortcodeRules:
    """The rules for payments to one shortcode."""

    reference: ReferenceRule
    amount: AmountRule
    when_unsure: WhenUnsure


@dataclass(frozen=True)
class Expectation:
    """The amount that an expected order still accepts; `missing` is whole shillings."""

    status: OrderStatus
    missing: int
    amount_rule: AmountRule | None = None
    expired: bool = False

    @property
    def accepts_more(self) -> bool:
        return not self.expired and self.status in {OrderStatus.OPEN, OrderStatus.PARTIALLY_PAID}


@dataclass(frozen=True)
class StartedPayments:
    """Payments that were started by a prompt: the amounts of the open ones, and the amount due, if any."""

    waiting: frozenset[int]
    due: int | None


@dataclass(frozen=True)
class Known:
    """The facts about the account reference that the payer typed.

    `could_type_reference` is False if the payer typed nothing because a till has no reference.
    """

    order: Expectation | None = None
    started: StartedPayments | None = None
    ambiguous: bool = False
    could_type_reference: bool = True


def objection(rule: ShortcodeRules, amount: int | None, known: Known) -> Objection | None:
    """Return the reason to reject a payment of whole shillings (None: the amount is fractional), or None."""
    if not amount:
        return Objection.AMOUNT
    if known.started is not None and amount in known.started.waiting:
        return None
    if known.order is not None:
        return _of_order(rule, amount, known.order)
    if known.ambiguous:
        return unsure(rule.when_unsure)
    if known.started is not None:
        due = known.started.due
        return Objection.ORDER if due is None else _of_amount(rule.amount, amount, due)
    if rule.reference is ReferenceRule.OPEN:
        return None
    return Objection.ACCOUNT if known.could_type_reference else unsure(rule.when_unsure)


def unsure(when_unsure: WhenUnsure) -> Objection | None:
    """Return the answer if the facts do not decide."""
    return Objection.UNSURE if when_unsure is WhenUnsure.REJECT else None


def _of_order(rule: ShortcodeRules, amount: int, order: Expectation) -> Objection | None:
    if not order.accepts_more:
        return Objection.ORDER
    return _of_amount(order.amount_rule or rule.amount, amount, order.missing)


def _of_amount(rule: AmountRule, amount: int, due: int) -> Objection | None:
    fits = {AmountRule.EXACT: amount == due, AmountRule.MINIMUM: amount >= due, AmountRule.ANY: True}
    return None if fits[rule] else Objection.AMOUNT
