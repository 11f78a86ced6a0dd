"""Reads the facts of a payment: one query, no lock, everything that a decision depends on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import JSON, Column, ColumnDefault
from sqlalchemy.types import TypeEngine

from mpesa_service.domain.facts import HolderFacts, OrderFacts, PaymentFacts
from mpesa_service.domain.portal_reversals import PortalReversal
from mpesa_service.domain.reports import Mismatch, NegativeResult
from mpesa_service.domain.states import PAID, PaymentStatus
from mpesa_service.models.base import UtcDateTime
from mpesa_service.models.driver import Driver, ResultRows
from mpesa_service.models.payments import Payment
from mpesa_service.models.statements import columns_of, table_of

NAMES = tuple(columns_of(Payment))
"""A payment's columns by attribute name, in the order in which they are read."""
_COLUMNS = [table_of(Payment).c[name] for name in columns_of(Payment).values()]
_SIZE = len(NAMES)


def _places(kind: type[TypeEngine[Any]]) -> list[int]:
    return [place for place, column in enumerate(_COLUMNS) if isinstance(column.type, kind)]


# The expected order's `expires_at` and `metadata` follow the columns of the payment and of the holder.
_TIMES = [*_places(UtcDateTime), _SIZE + 12]
_DOCUMENTS = [*_places(JSON), _SIZE + 13]
_PAID = ", ".join(f"'{status}'" for status in sorted(PAID))
_ORDER_OF = """
    COALESCE(p.expected_order_id, (SELECT x.id FROM expected_orders x
                                   WHERE x.reference = p.order_id AND (x.shop_wide OR x.owner = p.owner)))
"""
_ORDER = """
    o.id, o.version, o.owner, o.reference, o.amount_due, o.amount_rule, o.received_amount, o.status,
    o.expires_at, o.metadata
"""
_FACTS = f"""
    SELECT {", ".join(f"p.{column.name}" for column in _COLUMNS)},
        h.id, h.version, h.status, h.event_count,
        {_ORDER},
        CASE WHEN o.id IS NOT NULL THEN
            (SELECT COALESCE(SUM(q.amount - q.refunded_amount), 0) FROM payments q
             WHERE q.expected_order_id = o.id AND q.id <> p.id AND q.status IN ({_PAID})) END,
        EXISTS (SELECT 1 FROM payments r
                WHERE r.provider = p.provider AND r.receipt = {{receipt}} AND r.id <> p.id),
        EXISTS (SELECT 1 FROM payments r
                WHERE r.provider = p.provider AND r.receipt = p.claimed_receipt AND r.id <> p.id),
        EXISTS (SELECT 1 FROM c2b_confirmations c
                WHERE c.receipt = p.receipt AND c.payment_id = p.id AND c.amount_cents = p.amount * 100),
        CASE WHEN p.status = 'review' THEN
            (SELECT e.cause FROM payment_events e
             WHERE e.payment_id = p.id AND e.refund_id IS NULL AND e.from_status <> e.to_status
             ORDER BY e.sequence DESC LIMIT 1) END,
        (SELECT l.statement_id || ' ' || l.row_number || ' ' || l.receipt || ' ' || l.amount_cents
         FROM statement_lines l WHERE l.linked_receipt = COALESCE({{receipt}}, p.claimed_receipt)
         AND l.kind = 'reversal'
         AND l.amount_cents < 0 AND l.outcome IS NULL ORDER BY l.statement_id, l.row_number LIMIT 1)
    FROM {{source}}
    LEFT JOIN payments h ON p.order_lock IS NULL AND h.order_lock = p.order_id
    LEFT JOIN expected_orders o ON o.id = {_ORDER_OF}
"""
_WHERE = {
    "id": "p.id = {id}",
    "receipt": "p.provider = 'mpesa' AND p.receipt = {receipt}",
    # The callback's own address, or the address of another payment whose id the body names.
    "address": "p.checkout_id_hash = {checkout} OR p.callback_token_hash = {token}",
}


@dataclass(frozen=True)
class About:
    """The payment to load, and the receipt that the report names.

    Set `id`; or `checkout` and `token` (the hashes of the id that a callback names and of its address); or
    only `receipt`, for the payment that has it. `order` is the order id of another expected order that the
    decision depends on: `lock` locks it, too.
    """

    id: str | None = None
    checkout: str | None = None
    token: str | None = None
    receipt: str | None = None
    order: str | None = None


def load(connection: Driver, about: About) -> PaymentFacts | None:
    """Return the facts of a payment, or None if there is none.

    If the body of a callback names one payment and its address another, return the one that the body names.
    """
    sql = _statement(_by(about), connection.is_postgres)
    return _best(connection.rows(sql, vars(about), _TIMES, _DOCUMENTS), about)


def load_many(connection: Driver, abouts: Sequence[About]) -> list[PaymentFacts | None]:
    """Return the facts of payments by address, in the order of `abouts`."""
    if not connection.is_postgres:
        return [load(connection, about) for about in abouts]
    values = {
        "checkouts": [about.checkout for about in abouts],
        "tokens": [about.token for about in abouts],
        "receipts": [about.receipt for about in abouts],
    }
    found: dict[int, ResultRows] = {}
    for row in connection.rows(_statement_for_many(), values, _TIMES, _DOCUMENTS):
        found.setdefault(row[-1] - 1, []).append(row)
    return [_best(found.get(number, []), about) for number, about in enumerate(abouts)]


def lock(connection: Driver, about: About) -> None:
    """Lock the rows that `load` reads, to the end of the transaction. PostgreSQL only.

    All writers lock in this order: payments by id, then expected orders by id.
    """
    facts = load(connection, about)
    if facts is None:
        return
    ids = [facts.id, facts.holder.id] if facts.holder else [facts.id]
    connection.rows("SELECT id FROM payments WHERE id = ANY(%s) ORDER BY id FOR UPDATE", (ids,))
    if facts.order is not None or about.order is not None:
        terms = "id = %s::varchar OR reference = %s::varchar"
        locked = f"SELECT id FROM expected_orders WHERE {terms} ORDER BY id FOR NO KEY UPDATE"
        connection.rows(locked, (facts.order.id if facts.order else None, about.order))


@cache
def _statement(by: str, postgres: bool) -> str:
    def name(of: str) -> str:
        if not postgres:
            return f":{of}"
        return f"%({of})s::varchar"

    names = {of: name(of) for of in ("id", "checkout", "token", "receipt")}
    return f"{_FACTS.format(source='payments p', **names)} WHERE {_WHERE[by].format(**names)}"


@cache
def _statement_for_many() -> str:
    keys = "unnest(%(checkouts)s::varchar[], %(tokens)s::varchar[], %(receipts)s::varchar[])"
    names = {"checkout": "a.checkout", "token": "a.token", "receipt": "a.receipt"}
    source = f"{keys} WITH ORDINALITY AS a(checkout, token, receipt, n)"
    source += f" JOIN payments p ON {_WHERE['address'].format(**names)}"
    before, after = _FACTS.format(source=source, **names).split("FROM unnest", 1)
    return f"{before.rstrip()}, a.n FROM unnest{after}"


def _by(about: About) -> str:
    if about.id is not None:
        return "id"
    return "receipt" if about.checkout is None else "address"


def _best(rows: ResultRows, about: About) -> PaymentFacts | None:
    place = NAMES.index("checkout_id_hash")
    named = [row for row in rows if about.checkout and row[place] == about.checkout]
    found = named or rows
    return _facts(found[0]) if found else None


def _facts(row: Sequence[Any]) -> PaymentFacts:
    holder, order = row[_SIZE : _SIZE + 4], row[_SIZE + 4 : _SIZE + 14]
    elsewhere, taken, claimed_taken, confirmed, latest, undone = row[_SIZE + 14 : _SIZE + 20]
    return make_facts(
        dict(zip(NAMES, row, strict=False)),
        holder=None if holder[0] is None else _holder(holder),
        order=None if order[0] is None else _order_facts(order, elsewhere),
        receipt_taken=bool(taken),
        claimed_receipt_taken=bool(claimed_taken),
        confirmed=bool(confirmed),
        unresolved=latest == "unresolved",
        portal_reversal=None if undone is None else _portal_reversal(undone),
    )


def _portal_reversal(text: str) -> PortalReversal:
    statement_id, row, receipt, cents = text.split(" ")
    return PortalReversal(statement_id, int(row), receipt, int(cents))


def _holder(values: Sequence[Any]) -> HolderFacts:
    return HolderFacts(values[0], values[1], PaymentStatus(values[2]), values[3])


def make_facts(payment: Mapping[str, Any], **beside: Any) -> PaymentFacts:
    """Return the facts of a payment's columns (by attribute name) and of its related rows."""
    mismatch, code, at = payment["mismatch"], payment["negative_result_code"], payment["negative_result_at"]
    return PaymentFacts(
        payment=payment,
        id=payment["id"],
        status=PaymentStatus(payment["status"]),
        amount=payment["amount"],
        receipt=payment["receipt"],
        mismatch=Mismatch(mismatch) if mismatch else None,
        negative_result=None if code is None or at is None else NegativeResult(code, at),
        **beside,
    )


def _order_facts(values: Sequence[Any], elsewhere: Any) -> OrderFacts:
    order_id, version, owner, reference, due, rule, received, status, expires_at, details = values
    return OrderFacts(
        id=order_id,
        version=version,
        owner=owner,
        reference=reference,
        amount_due=due,
        amount_rule=rule,
        received_amount=received,
        received_elsewhere=int(elsewhere),
        status=status,
        expires_at=expires_at,
        details=details,
    )


def load_order(connection: Driver, key: str, value: str, beside: str = "") -> OrderFacts | None:
    """Return the expected order whose `id` or `reference` has this value, or None.

    `beside` is the id of a payment that does not count in `received_elsewhere`.
    """
    mark = "%s" if connection.is_postgres else "?"
    sums = f"""(SELECT COALESCE(SUM(q.amount - q.refunded_amount), 0) FROM payments q
                WHERE q.expected_order_id = o.id AND q.id <> {mark} AND q.status IN ({_PAID}))"""
    sql = f"SELECT {_ORDER}, {sums} FROM expected_orders o WHERE o.{key} = {mark}"
    found = connection.rows(sql, (beside, value), times=(8,), documents=(9,))
    return _order_facts(found[0][:-1], found[0][-1]) if found else None


def find_orders(connection: Driver, key: str) -> list[str]:
    """Return the ids of the expected orders that a payer's reference matches: none, one, or rarely two.

    `key` is the payer's text in the form of `domain.orders.reference_key`.
    """
    if not key:
        return []
    mark = "%s" if connection.is_postgres else "?"
    sql = f"SELECT id FROM expected_orders WHERE reference_key = {mark} OR account_key = {mark} LIMIT 2"
    return [row[0] for row in connection.rows(sql, (key, key))]


def facts_of_new(columns: Mapping[str, Any]) -> PaymentFacts:
    """Return the facts of a payment that is being inserted: it has no related rows."""
    return make_facts({**_DEFAULTS, "details": {}, "status": PaymentStatus.SUBMITTING, **columns})


def _default(column: "Column[Any]") -> Any:
    return column.default.arg if isinstance(column.default, ColumnDefault) else None


_DEFAULTS = {name: _default(column) for name, column in zip(NAMES, _COLUMNS, strict=True)}
