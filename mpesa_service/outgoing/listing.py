"""Pages of the money that goes out, refunds and payouts together: newest first, or latest moved first."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.orm import Session

from mpesa_service.core.encryption import Encryption
from mpesa_service.core.records import record_from
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.commands import PayoutType
from mpesa_service.domain.moments import nearest
from mpesa_service.domain.payouts import TO_PHONES
from mpesa_service.domain.phones import mask_msisdn, mask_reference
from mpesa_service.domain.references import first_id, normal_receipt
from mpesa_service.domain.states import PayoutStatus, RefundStatus
from mpesa_service.errors import InvalidRequest
from mpesa_service.models import Payment, Payout, PayoutBatch, Refund
from mpesa_service.payments.listing import ID_DIGITS, TIME_DIGITS, position, time_key

BATCH = 1_000
"""Rows of each kind that an export reads at once."""


class OutgoingKind(StrEnum):
    REFUND = "refund"
    PAYOUT = "payout"


@dataclass(frozen=True)
class OutgoingFilters:
    """The caller's filters. None, or an empty `statuses`, means no filter.

    `statuses` are public statuses. `since` (inclusive) and `until` (exclusive) limit the time of creation,
    `paid_since` and `paid_until` M-Pesa's own time: with one of them, the order is by that time. Amounts are
    whole shillings.
    """

    kind: str | None = None
    statuses: frozenset[str] = frozenset()
    receipt: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    paid_since: datetime | None = None
    paid_until: datetime | None = None
    min_amount: int | None = None
    max_amount: int | None = None

    @property
    def by_time(self) -> bool:
        return self.paid_since is not None or self.paid_until is not None


@dataclass(frozen=True)
class OutgoingRecord:
    """A refund (`payment_id`, `order_id`) or a payout (`batch_id`, `reference`, `row_number`).

    `type` is the method of a refund, or the type of a payout. Phone numbers are masked.
    """

    id: str
    kind: str
    type: str
    payment_id: str | None
    order_id: str | None
    batch_id: str | None
    reference: str | None
    row_number: int | None
    status: str
    evidence: str | None
    amount: int
    currency: str
    receipt: str | None
    phone: str | None
    business_number: str | None
    account_reference: str | None
    conversation_id: str | None
    result_code: str | None
    result_desc: str | None
    failure_reason: str | None
    requested_by: str
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    paid_at: datetime | None
    paid_at_source: str | None


class OutgoingPage(NamedTuple):
    """One page, and the key after which the next page begins; None on the last page."""

    rows: list[OutgoingRecord]
    next: str | None


class _Kind(NamedTuple):
    """Where the rows of a kind are, and how they become records."""

    name: OutgoingKind
    table: Any
    statuses: type[RefundStatus] | type[PayoutStatus]
    rows: Any
    record: Callable[[Encryption, Any], OutgoingRecord]


def list_outgoing(
    runtime: Runtime, filters: OutgoingFilters, limit: int, after: str | None = None
) -> OutgoingPage:
    """Return a page. Raises InvalidRequest for ranges that end before they begin, and for a wrong key."""
    _check(filters, after)
    found: list[OutgoingRecord] = []
    with runtime.database.browse() as session:
        for kind in _kinds(filters):
            page = _page(kind, filters, limit + 1, after)
            found += (kind.record(runtime.encryption, row) for row in session.execute(page))
    found.sort(key=_by_time if filters.by_time else _by_id, reverse=True)
    last = found[limit - 1] if len(found) > limit else None
    key = None if last is None else time_key(last.paid_at, last.id) if filters.by_time else last.id
    return OutgoingPage(found[:limit], key)


def all_outgoing(runtime: Runtime, filters: OutgoingFilters) -> Iterator[list[OutgoingRecord]]:
    """Yield everything in batches. Each is a query of its own: a slow reader holds no connection."""
    page = list_outgoing(runtime, filters, BATCH)
    while page.rows:
        yield page.rows
        if page.next is None:
            return
        page = list_outgoing(runtime, filters, BATCH, page.next)


def count_outgoing(runtime: Runtime, filters: OutgoingFilters) -> int:
    """Return how many rows `all_outgoing` yields."""
    _check(filters, None)
    with runtime.database.browse() as session:
        return sum(_count(session, kind, filters) for kind in _kinds(filters))


def _count(session: Session, kind: _Kind, filters: OutgoingFilters) -> int:
    return session.scalar(select(func.count(kind.table.id)).where(*_conditions(kind, filters))) or 0


def _by_time(row: OutgoingRecord) -> tuple[datetime | None, str]:
    return row.paid_at, row.id


def _by_id(row: OutgoingRecord) -> str:
    return row.id


def _kinds(filters: OutgoingFilters) -> list[_Kind]:
    """Return the kinds that can have rows that match."""
    found = [kind for kind in _KINDS if filters.kind in {None, kind.name}]
    return [kind for kind in found if not filters.statuses or _statuses(kind, filters)]


def _statuses(kind: _Kind, filters: OutgoingFilters) -> list[str]:
    return [status.value for status in kind.statuses if status.public in filters.statuses]


def _page(kind: _Kind, filters: OutgoingFilters, limit: int, after: str | None) -> Select[Any]:
    table = kind.table
    page: Select[Any] = kind.rows.where(*_conditions(kind, filters)).limit(limit)
    if not filters.by_time:
        page = page if after is None else page.where(table.id < after)
        return page.order_by(table.id.desc())
    at, last = position(after)
    if at is not None and last is not None:
        page = page.where(tuple_(table.paid_at, table.id) < (at, last))
    return page.order_by(table.paid_at.desc(), table.id.desc())


def _conditions(kind: _Kind, filters: OutgoingFilters) -> list[ColumnElement[bool]]:
    table, least, most = kind.table, filters.min_amount, filters.max_amount
    conditions = {
        "statuses": filters.statuses and table.status.in_(_statuses(kind, filters)),
        "receipt": filters.receipt and table.receipt == normal_receipt(filters.receipt),
        "since": filters.since and table.id >= first_id(filters.since),
        "until": filters.until and table.id < first_id(filters.until),
        "paid_since": filters.paid_since and table.paid_at >= nearest(filters.paid_since),
        "paid_until": filters.paid_until and table.paid_at < nearest(filters.paid_until),
        "least": least is not None and table.amount >= least,
        "most": most is not None and table.amount <= most,
    }
    return [one for one in conditions.values() if isinstance(one, ColumnElement)]


def _check(filters: OutgoingFilters, after: str | None) -> None:
    if after is not None and len(after) != ID_DIGITS + (TIME_DIGITS if filters.by_time else 0):
        raise InvalidRequest("`after` belongs to a list in another order.")
    if filters.since and filters.until and filters.since >= filters.until:
        raise InvalidRequest("`from` must be before `to`.", code="invalid_time_range")
    if filters.paid_since and filters.paid_until and filters.paid_since >= filters.paid_until:
        raise InvalidRequest("`paidFrom` must be before `paidTo`.", code="invalid_time_range")
    least, most = filters.min_amount, filters.max_amount
    if least is not None and most is not None and least > most:
        raise InvalidRequest("`minAmount` must not be above `maxAmount`.", code="invalid_amount")


def _refund(encryption: Encryption, found: Sequence[Any]) -> OutgoingRecord:
    row, order_id = found
    return record_from(
        OutgoingRecord,
        row,
        kind=OutgoingKind.REFUND.value,
        type=row.method,
        order_id=order_id,
        **dict.fromkeys(("batch_id", "reference", "row_number", "business_number", "account_reference")),
        status=row.state.public,
        currency="kes",
        phone=mask_msisdn(encryption.decrypt(row.phone_encrypted)) if row.phone_encrypted else None,
    )


def _payout(encryption: Encryption, found: Sequence[Any]) -> OutgoingRecord:
    row, reference = found
    party = encryption.decrypt(row.party_encrypted)
    account = row.account_reference_encrypted and encryption.decrypt(row.account_reference_encrypted)
    to_phone = PayoutType(row.type) in TO_PHONES
    return record_from(
        OutgoingRecord,
        row,
        kind=OutgoingKind.PAYOUT.value,
        payment_id=None,
        order_id=None,
        reference=reference,
        status=row.state.public,
        currency="kes",
        phone=mask_msisdn(party) if to_phone else None,
        business_number=None if to_phone else party,
        account_reference=mask_reference(account) if account else None,
    )


_KINDS = (
    _Kind(
        OutgoingKind.REFUND,
        Refund,
        RefundStatus,
        select(Refund, Payment.order_id).join(Payment, Payment.id == Refund.payment_id),
        _refund,
    ),
    _Kind(
        OutgoingKind.PAYOUT,
        Payout,
        PayoutStatus,
        select(Payout, PayoutBatch.reference).join(PayoutBatch, PayoutBatch.id == Payout.batch_id),
        _payout,
    ),
)
