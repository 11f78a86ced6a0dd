"""Pages of payments, newest first or latest paid first, for callers who may see them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Row, Select
from sqlalchemy.orm import Session

from mpesa_service.core.encryption import Encryption
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.moments import LATEST, nearest
from mpesa_service.domain.phones import mask_payer, mask_reference
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.references import first_id, normal_receipt
from mpesa_service.domain.states import PaymentStatus
from mpesa_service.errors import InvalidRequest
from mpesa_service.models.listing import (
    PaymentFilter,
    count_of_payments,
    page_by_time,
    page_of_payments,
    page_without_time,
    select_payments,
)
from mpesa_service.payments.views import EXPORTED, LISTED, PaymentRecord

BATCH = 1_000
"""Payments that an export reads at once."""


@dataclass(frozen=True)
class Filters:
    """The caller's filters and order. None, or an empty `statuses`, means no filter.

    `statuses` are public statuses. `since` (inclusive) and `until` (exclusive) limit the time of creation.
    `paid_since` and `paid_until` limit M-Pesa's own time. `phone` is a normalized number. Amounts are whole
    shillings. `sort` is `createdAt` or `paidAt`; None means `paidAt` if there is a filter by M-Pesa's time.
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
    paid_since: datetime | None = None
    paid_until: datetime | None = None
    sort: str | None = None

    @property
    def by_time(self) -> bool:
        """Return whether the order is by M-Pesa's time, latest first; the others follow, newest first."""
        return self.sort == "paidAt" or (self.sort is None and self._is_dated)

    @property
    def with_undated(self) -> bool:
        """Return whether payments without a time of M-Pesa match."""
        return not self._is_dated

    @property
    def _is_dated(self) -> bool:
        return self.paid_since is not None or self.paid_until is not None


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
    """One page, without refunds, and the key after which the next page begins; None on the last page.

    By creation, the key is an id. By M-Pesa's time, it is a time as TIME_DIGITS hexadecimal digits of
    microseconds (zeros for none), and an id.
    """

    payments: list[PaymentRecord]
    next: str | None


def list_payments(
    runtime: Runtime, principal: Principal, filters: Filters, limit: int, after: str | None = None
) -> Page:
    """Return a page of the caller's payments, latest first. Admins get the payments of all callers.

    Raises InvalidRequest for ranges that end before they begin, and for the key of another order.
    """
    rows, key = _rows(runtime, principal, filters, limit, after, _PAGE)
    return Page([_listed(runtime.encryption, row) for row in rows], key)


def all_payments(runtime: Runtime, principal: Principal, filters: Filters) -> Iterator[list[ExportedPayment]]:
    """Yield all of the caller's payments, latest first, in batches.

    Each batch is a query of its own: a slow reader holds no connection and no transaction.
    """
    key: str | None = None
    more = True
    while more:
        rows, key = _rows(runtime, principal, filters, BATCH, key, _EXPORT)
        more = key is not None
        if rows:
            yield [_exported(runtime.encryption, row) for row in rows]


def count_payments(runtime: Runtime, principal: Principal, filters: Filters) -> int:
    """Return how many payments `all_payments` yields. It reads all of them, so it is too slow for a list."""
    with runtime.database.browse() as session:
        statement = count_of_payments(_wanted(runtime, principal, filters))
        return session.scalar(statement) or 0


TIME_DIGITS = 18
ID_DIGITS = 24
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def _rows(
    runtime: Runtime,
    principal: Principal,
    filters: Filters,
    limit: int,
    after: str | None,
    shown: Select[Any],
) -> tuple[Sequence[Sequence[Any]], str | None]:
    """Return the rows, and the key of the next page, or None if there is none.

    One extra row is read, so that no count is needed.
    """
    wanted = _wanted(runtime, principal, filters)
    if after is not None and len(after) != ID_DIGITS + (TIME_DIGITS if filters.by_time else 0):
        raise InvalidRequest("`after` belongs to a list with another `sort`.")
    with runtime.database.browse() as session:
        if filters.by_time:
            found = _by_time(session, wanted, filters, limit + 1, after, shown)
            key = time_key(*found[limit - 1][:2]) if len(found) > limit else None
            return [row for _, _, row in found[:limit]], key
        end = min((one for one in (wanted.end_id, after) if one is not None), default=None)
        rows = session.execute(page_of_payments(replace(wanted, end_id=end), limit + 1, shown)).all()
    return rows[:limit], rows[limit - 1][0] if len(rows) > limit else None


def _by_time(
    session: Session,
    wanted: PaymentFilter,
    filters: Filters,
    limit: int,
    after: str | None,
    shown: Select[Any],
) -> list[tuple[datetime | None, str, Sequence[Any]]]:
    """Return rows with their times and ids: those with a time, then those without one."""
    at, last = position(after)
    rows: list[Row[Any]] = []
    if after is None or at is not None:
        before = None if at is None or last is None else (at, last)
        rows += session.execute(page_by_time(wanted, limit, shown, before)).all()
        last = None
    if len(rows) < limit and filters.with_undated:
        rows += session.execute(page_without_time(wanted, limit - len(rows), shown, last)).all()
    return [(row[-1], row[0], row[:-1]) for row in rows]


def time_key(at: datetime | None, row_id: str) -> str:
    """Return the key of a row in the order of M-Pesa's time."""
    micros = 0 if at is None else (at - _EPOCH) // _MICROSECOND
    return f"{micros:0{TIME_DIGITS}x}{row_id}"


def position(key: str | None) -> tuple[datetime | None, str | None]:
    """Return the time and the id of a key. Zeros, and a time that no payment has, are no time."""
    if key is None:
        return None, None
    micros, payment_id = int(key[:TIME_DIGITS], 16), key[TIME_DIGITS:]
    if micros == 0:
        return None, payment_id
    latest = (LATEST - _EPOCH) // _MICROSECOND
    return _EPOCH + min(micros, latest) * _MICROSECOND, payment_id


def _wanted(runtime: Runtime, principal: Principal, filters: Filters) -> PaymentFilter:
    _check_ranges(filters)
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
        end_id=first_id(filters.until) if filters.until else None,
        paid_from=nearest(filters.paid_since) if filters.paid_since else None,
        paid_to=nearest(filters.paid_until) if filters.paid_until else None,
    )


def _check_ranges(filters: Filters) -> None:
    if filters.since and filters.until and filters.since >= filters.until:
        raise InvalidRequest("`from` must be before `to`.", code="invalid_time_range")
    if filters.paid_since and filters.paid_until and filters.paid_since >= filters.paid_until:
        raise InvalidRequest("`paidFrom` must be before `paidTo`.", code="invalid_time_range")
    least, most = filters.min_amount, filters.max_amount
    if least is not None and most is not None and least > most:
        raise InvalidRequest("`minAmount` must not be above `maxAmount`.", code="invalid_amount")


def _statuses(words: frozenset[str]) -> tuple[str, ...]:
    """Return the stored statuses for public statuses; an empty list if all are wanted."""
    found = tuple(status.value for status in PaymentStatus if status.public in words)
    return found if len(found) < len(PaymentStatus) else ()


def _listed(encryption: Encryption, row: Sequence[Any]) -> PaymentRecord:
    values = _public_values(encryption, row)
    if (encrypted := values[_CHECKOUT]) is not None:
        values[_CHECKOUT] = encryption.decrypt(encrypted)
    return PaymentRecord(*values)


def _exported(encryption: Encryption, row: Sequence[Any]) -> ExportedPayment:
    return tuple(_public_values(encryption, row))


def _public_values(encryption: Encryption, row: Sequence[Any]) -> list[Any]:
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
