"""Pages of payments, newest first, for callers who may see them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, Select

from mpesa_service.core.encryption import Encryption
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.phones import mask_payer, mask_reference
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.references import first_id, normal_receipt
from mpesa_service.domain.states import PaymentStatus
from mpesa_service.errors import InvalidRequest
from mpesa_service.models.listing import (
    PaymentFilter,
    count_of_payments,
    page_of_payments,
    select_payments,
)
from mpesa_service.payments.views import EXPORTED, LISTED, PaymentRecord

BATCH = 1_000
"""Payments that an export reads at once."""


@dataclass(frozen=True)
class Filters:
    """The caller's filters. None, or an empty `statuses`, means no filter.

    `statuses` are public statuses. `since` (inclusive) and `until` (exclusive) limit the time of creation,
    `phone` is a normalized number, and amounts are whole shillings.
    """

    statuses: frozenset[str] = frozenset()
    provider: str | None = None
    order_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    receipt: str | None = None
    phone: str | None = None
    min_amount: int | None = None
    max_amount: int | None = None


ExportedPayment = tuple[Any, ...]
"""A payment in an export: the values of EXPORTED, ready to write.

Its metadata is a JSON object as text. Its times are text in the format of the API.
"""
_PAGE, _EXPORT = select_payments(LISTED), select_payments(EXPORTED, as_text=True)
_TYPED, _STATUS, _PHONE = map(EXPORTED.index, ("bill_reference", "status", "phone"))
"""The place of each value that lists and exports share: EXPORTED is the beginning of LISTED."""
_CHECKOUT = LISTED.index("checkout_request_id")
_PUBLIC = {status.value: status.public for status in PaymentStatus}


class Page(NamedTuple):
    """One page, without refunds, and the id after which the next page begins; None on the last page."""

    payments: list[PaymentRecord]
    next: str | None


def list_payments(
    runtime: Runtime, principal: Principal, filters: Filters, limit: int, after: str | None = None
) -> Page:
    """Return a page of the caller's payments, newest first. Admins get the payments of all callers."""
    rows, more = _rows(runtime, _wanted(runtime, principal, filters, after), limit, _PAGE)
    payments = [_listed(runtime.encryption, row) for row in rows]
    return Page(payments, payments[-1].id if more else None)


def all_payments(runtime: Runtime, principal: Principal, filters: Filters) -> Iterator[list[ExportedPayment]]:
    """Yield all of the caller's payments, newest first, in batches.

    Each batch is a query of its own: a slow reader holds no connection and no transaction.
    """
    after: str | None = None
    more = True
    while more:
        rows, more = _rows(runtime, _wanted(runtime, principal, filters, after), BATCH, _EXPORT)
        if rows:
            yield [_exported(runtime.encryption, row) for row in rows]
            after = rows[-1][0]


def count_payments(runtime: Runtime, principal: Principal, filters: Filters) -> int:
    """Return how many payments `all_payments` yields. It reads all of them, so it is too slow for a list."""
    with runtime.database.browse() as session:
        statement = count_of_payments(_wanted(runtime, principal, filters, None))
        return session.scalar(statement) or 0


def _rows(
    runtime: Runtime, wanted: PaymentFilter, limit: int, shown: Select[Any]
) -> tuple[Sequence[Row[Any]], bool]:
    """Return the rows, and whether there are more. One extra row is read, so that no count is needed."""
    with runtime.database.browse() as session:
        rows = session.execute(page_of_payments(wanted, limit + 1, shown)).all()
    return rows[:limit], len(rows) > limit


def _wanted(runtime: Runtime, principal: Principal, filters: Filters, after: str | None) -> PaymentFilter:
    _check_ranges(filters)
    end = first_id(filters.until) if filters.until else None
    return PaymentFilter(
        owner=None if principal.is_admin else principal.subject,
        statuses=_statuses(filters.statuses),
        provider=filters.provider,
        order_id=filters.order_id,
        receipt=normal_receipt(filters.receipt) if filters.receipt else None,
        phone_hash=runtime.encryption.blind_index("phone", filters.phone) if filters.phone else None,
        min_amount=filters.min_amount,
        max_amount=filters.max_amount,
        first_id=first_id(filters.since) if filters.since else None,
        end_id=min((key for key in (end, after) if key is not None), default=None),
    )


def _check_ranges(filters: Filters) -> None:
    if filters.since and filters.until and filters.since >= filters.until:
        raise InvalidRequest("`from` must be before `to`.", code="invalid_time_range")
    least, most = filters.min_amount, filters.max_amount
    if least is not None and most is not None and least > most:
        raise InvalidRequest("`minAmount` must not be above `maxAmount`.", code="invalid_amount")


def _statuses(words: frozenset[str]) -> tuple[str, ...]:
    """Return the stored statuses for public statuses; an empty list if all are wanted."""
    found = tuple(status.value for status in PaymentStatus if status.public in words)
    return found if len(found) < len(PaymentStatus) else ()


def _listed(encryption: Encryption, row: Row[Any]) -> PaymentRecord:
    values = _public_values(encryption, row)
    if (encrypted := values[_CHECKOUT]) is not None:
        values[_CHECKOUT] = encryption.decrypt(encrypted)
    return PaymentRecord(*values)


def _exported(encryption: Encryption, row: Row[Any]) -> ExportedPayment:
    return tuple(_public_values(encryption, row))


def _public_values(encryption: Encryption, row: Row[Any]) -> list[Any]:
    """Return a row's values with the public status and with numbers masked."""
    values = list(row)
    payer, phone_hash = values.pop(), values.pop()
    values[_STATUS] = _PUBLIC[values[_STATUS]]
    if (encrypted := values[_PHONE]) is not None:
        values[_PHONE] = encryption.masked(encrypted, phone_hash)
    if (encrypted := values[_TYPED]) is not None:
        values[_TYPED] = mask_reference(encryption.decrypt(encrypted))
    if payer is not None:
        values[_PHONE] = mask_payer(encryption.decrypt(payer))
    return values
