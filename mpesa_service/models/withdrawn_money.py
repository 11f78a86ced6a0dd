"""Money that only withdrawn statements show: no other statement, no message of M-Pesa, and no person."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mpesa_service.domain.states import PAID, PaymentStatus
from mpesa_service.models.driver import Driver

_PAID = ", ".join(f"'{status}'" for status in sorted(PAID))
_COUNTS = """
    s.withdrawn_at IS NULL AND s.status NOT IN ('reading', 'read') AND l.receipt = c.receipt
    AND l.amount_cents = c.amount_cents AND l.kind <> 'not_completed'
"""
# A source that reported the money beside the statement, or a person who settled the payment.
_ELSEWHERE = f"""
    EXISTS (SELECT 1 FROM statements s JOIN statement_lines l ON l.statement_id = s.id WHERE {_COUNTS})
    OR EXISTS (
        SELECT 1 FROM statements s JOIN statement_shared_lines h ON h.statement_id = s.id
        AND h.receipt = c.receipt
        JOIN statement_lines l ON l.receipt = h.receipt AND l.line_hash = h.line_hash
        WHERE {_COUNTS})
    OR EXISTS (
        SELECT 1 FROM payment_events e WHERE e.payment_id = c.payment_id
        AND (e.cause = 'settled_by_operator'
            OR (e.evidence IN ('query', 'callback', 'confirmation', 'status', 'pull')
                AND e.to_status IN ({_PAID}) AND e.refund_id IS NULL
                AND (e.from_status NOT IN ({_PAID}) OR e.cause IN ('confirmed_again', 'paid_at_stated')))))
    OR EXISTS (
        SELECT 1 FROM callback_inbox i WHERE i.payment_id = c.payment_id AND i.kind = 'c2b_confirmation'
        AND i.verdict IN ('applied', 'duplicate', 'noted', 'unmatched'))
    OR EXISTS (
        SELECT 1 FROM inquiries q WHERE q.receipt = c.receipt
        AND q.booking IN ('booked', 'unmatched', 'known'))
"""
_OF_ALL = "IN (SELECT id FROM statements WHERE withdrawn_at IS NOT NULL)"
_SQL = f"""
    SELECT c.receipt, c.amount_cents, p.id, p.status, c.fractional_id FROM c2b_confirmations c
    LEFT JOIN payments p ON p.id = c.payment_id
    WHERE c.source = 'statement' AND c.closed_at IS NULL
    AND (p.id IS NULL OR (p.receipt = c.receipt AND p.status IN ({_PAID}, 'review')))
    AND c.receipt IN (SELECT l.receipt FROM statement_lines l WHERE l.statement_id {{which}}
        UNION SELECT h.receipt FROM statement_shared_lines h WHERE h.statement_id {{which}})
    AND NOT ({_ELSEWHERE})
    ORDER BY c.id
"""


@dataclass(frozen=True)
class WithdrawnMoney:
    """A receipt that only withdrawn statements show, with its payment, or the id of a fractional amount.

    Without both, the money is not matched to a payment yet.
    """

    receipt: str
    cents: int
    payment_id: str | None
    status: str | None
    fractional_id: str | None

    @property
    def waits(self) -> bool:
        """Whether a person sees it already: in review, or as a fractional amount."""
        return self.status == PaymentStatus.REVIEW or self.fractional_id is not None


def withdrawn_money(driver: Driver, statement_id: str | None = None) -> Iterator[WithdrawnMoney]:
    """Yield the money that only withdrawn statements show: of the lines of one statement, or of all.

    The lines of a statement that is not withdrawn show no such money, because the statement counts itself.
    """
    sql = _SQL.format(which=_OF_ALL if statement_id is None else "= ?")
    values = () if statement_id is None else (statement_id, statement_id)
    return _read(driver, sql, values)


def is_withdrawn_money(driver: Driver, receipt: str) -> bool:
    """Return whether only withdrawn statements show the money of a receipt."""
    sql = _SQL.format(which=_OF_ALL).replace("ORDER BY", "AND c.receipt = ? ORDER BY")
    return any(_read(driver, sql, (receipt,)))


def _read(driver: Driver, sql: str, values: Sequence[str]) -> Iterator[WithdrawnMoney]:
    rows = driver.rows(sql.replace("?", "%s") if driver.is_postgres else sql, values)
    return (WithdrawnMoney(receipt, int(cents), *others) for receipt, cents, *others in rows)
