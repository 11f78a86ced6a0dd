"""What is said of a payment that somebody is about to make from the phone's own menu: yes, or what is wrong.

an amount of cents                          wrong amount
a prompt of ours waits for this very money  yes, whatever else is known
an announced order takes no more            wrong order
… or takes it                               its amount rule, or the shortcode's, decides
a payment was begun, and is paid            wrong order
… or is not                                 the shortcode's amount rule decides
several orders may be meant                 unsure
nothing is known by this reference          the shortcode's reference rule decides
"""

from dataclasses import dataclass
from enum import StrEnum

from mpesa_service.domain.orders import AmountRule, OrderStatus, ReferenceRule, WhenUnsure


class Objection(StrEnum):
    """What is wrong with a payment."""

    SHORTCODE = "shortcode"
    ACCOUNT = "account"
    AMOUNT = "amount"
    ORDER = "order"
    """Its order is expired, canceled or already paid."""
    UNSURE = "unsure"


@dataclass(frozen=True)
class Rule:
    """How money on its way to one shortcode is judged."""

    reference: ReferenceRule
    amount: AmountRule
    when_unsure: WhenUnsure


@dataclass(frozen=True)
class Expectation:
    """What an announced order still takes; `missing` is whole shillings."""

    status: OrderStatus
    missing: int
    amount_rule: AmountRule | None = None
    expired: bool = False

    @property
    def takes_more(self) -> bool:
        return not self.expired and self.status in {OrderStatus.OPEN, OrderStatus.PARTIALLY_PAID}


@dataclass(frozen=True)
class Begun:
    """Payments that were begun by a prompt: the amounts of those that wait, and what is due, if anything."""

    waiting: frozenset[int]
    due: int | None


@dataclass(frozen=True)
class Known:
    """What is known by the account reference that the payer typed.

    `tells` is False where nothing was typed and nothing could be: a till asks for no reference.
    """

    order: Expectation | None = None
    begun: Begun | None = None
    ambiguous: bool = False
    tells: bool = True


def objection(rule: Rule, amount: int | None, known: Known) -> Objection | None:
    """Return what is wrong with a payment of whole shillings (None: it is of cents), or None."""
    if not amount:
        return Objection.AMOUNT
    if known.begun is not None and amount in known.begun.waiting:
        return None
    if known.order is not None:
        return _of_order(rule, amount, known.order)
    if known.ambiguous:
        return unsure(rule.when_unsure)
    if known.begun is not None:
        due = known.begun.due
        return Objection.ORDER if due is None else _of_amount(rule.amount, amount, due)
    if rule.reference is ReferenceRule.OPEN:
        return None
    return Objection.ACCOUNT if known.tells else unsure(rule.when_unsure)


def unsure(when_unsure: WhenUnsure) -> Objection | None:
    """Return what is said when nobody can tell."""
    return Objection.UNSURE if when_unsure is WhenUnsure.REJECT else None


def _of_order(rule: Rule, amount: int, order: Expectation) -> Objection | None:
    if not order.takes_more:
        return Objection.ORDER
    return _of_amount(order.amount_rule or rule.amount, amount, order.missing)


def _of_amount(rule: AmountRule, amount: int, due: int) -> Objection | None:
    fits = {AmountRule.EXACT: amount == due, AmountRule.MINIMUM: amount >= due, AmountRule.ANY: True}
    return None if fits[rule] else Objection.AMOUNT
