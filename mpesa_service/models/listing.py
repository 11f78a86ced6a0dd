"""The statements that page through payments, newest first: by creation, or by M-Pesa's own time.

An id begins with the millisecond of its creation, so the id alone is the key of a page, and a range of times
is a range of ids. The indexes by owner and status end with the id, so a page reads only the rows that it
shows, however many rows there are. The indexes by `paid_at` end with the id, too: the key of a page is then
a time and an id.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import eq, ge, le, lt
from typing import Any

from sqlalchemy import JSON, ColumnElement, Select, Text, cast, func, select, tuple_, union_all
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import in_op

from mpesa_service.models.base import UtcDateTime
from mpesa_service.models.payments import Payment, Provider

_P = Payment.__table__.c
"""Plain columns: with ORM objects, a page would cost half as much again."""


class _TimeText(FunctionElement[str]):
    """A time in the API's format: Nairobi time, ISO 8601, cut to milliseconds; null if there is none.

    This is for exports: to create a datetime object and format it costs more than all other steps together.
    """

    inherit_cache = True
    type = Text()


@compiles(_TimeText)
def _by_postgresql(element: _TimeText, compiler: SQLCompiler, **options: Any) -> str:
    time = compiler.process(element.clauses, **options)
    form = 'YYYY-MM-DD"T"HH24:MI:SS.MS"+03:00"'
    return f"to_char({time} AT TIME ZONE INTERVAL '+03:00', '{form}')"


@compiles(_TimeText, "sqlite")
def _by_sqlite(element: _TimeText, compiler: SQLCompiler, **options: Any) -> str:
    """Return the text of a time that is stored as 2026-11-22 12:00:00.123456, in UTC."""
    time = compiler.process(element.clauses, **options)
    return (
        f"strftime('%Y-%m-%dT%H:%M:%S', substr({time}, 1, 19), '+3 hours')"
        f" || substr(substr({time}, 20, 4) || '.000', 1, 4) || '+03:00'"
    )


_ENCRYPTED = {
    "bill_reference": _P.bill_reference_encrypted,
    "checkout_request_id": _P.checkout_id_encrypted,
    "phone": _P.phone_encrypted,
}


def select_payments(names: Sequence[str], *, as_text: bool = False) -> Select[Any]:
    """Return the query of these values of payments, followed by the columns that mask numbers.

    The values of `_ENCRYPTED` are encrypted. With `as_text`, metadata and times are text, for exports.
    """
    columns = [_ENCRYPTED[name] if name in _ENCRYPTED else _P[name] for name in names]
    shown = [_as_text(column) for column in columns] if as_text else columns
    return select(*shown, _P.phone_hash, _P.payer_encrypted)


def _as_text(column: ColumnElement[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, UtcDateTime):
        return _TimeText(column)
    return cast(column, Text) if isinstance(column.type, JSON) else column


@dataclass(frozen=True)
class PaymentFilter:
    """Filters: ids from `first_id` to before `end_id`, times of payment from `paid_from` to before `paid_to`.

    None, or an empty `statuses`, is no condition.
    """

    owner: str | None = None
    statuses: tuple[str, ...] = ()
    provider: str | None = None
    order_id: str | None = None
    receipt: str | None = None
    phone_hash: str | None = None
    min_amount: int | None = None
    max_amount: int | None = None
    first_id: str | None = None
    end_id: str | None = None
    paid_from: datetime | None = None
    paid_to: datetime | None = None

    @property
    def finds_few(self) -> bool:
        """Return whether an order, receipt or phone is given. The rest is then compared row by row."""
        return any(value is not None for value in (self.order_id, self.receipt, self.phone_hash))


class _RowByRow(FunctionElement[Any]):
    """A column whose index SQLite must not use: without statistics it would choose the wrong one."""

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any]) -> None:
        super().__init__(column)
        self.type = column.type


@compiles(_RowByRow)
def _as_it_is(element: _RowByRow, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(_RowByRow, "sqlite")
def _without_index(element: _RowByRow, compiler: SQLCompiler, **options: Any) -> str:
    return f"+{compiler.process(element.clauses, **options)}"


def page_of_payments(wanted: PaymentFilter, limit: int, shown: Select[Any]) -> Select[Any]:
    """Return the newest `limit` payments that match, as `select_payments` has made the query."""
    conditions, page = _conditions(wanted), shown.order_by(_P.id.desc())
    if wanted.finds_few or len(wanted.statuses) < 2:
        return page.where(*conditions, *_in_any_status(wanted)).limit(limit)
    # One query per status, then the newest of all: with IN, the database would sort all matches.
    newest = select(_P.id).where(*conditions).order_by(_P.id.desc()).limit(limit)
    parts = (newest.where(_P.status == status).subquery() for status in wanted.statuses)
    found = union_all(*(select(part.c.id) for part in parts)).subquery()
    ids = select(found.c.id).order_by(found.c.id.desc()).limit(limit)
    return page.where(_P.id.in_(ids))


def page_by_time(
    wanted: PaymentFilter, limit: int, shown: Select[Any], before: tuple[datetime, str] | None
) -> Select[Any]:
    """Return the latest `limit` payments with a `paid_at` that match; `paid_at` is the last column.

    `before` is the `paid_at` and the id of the last payment of the page before.
    """
    paid_at = _paid_at(wanted)
    page = shown.add_columns(_P.paid_at).where(*_conditions(wanted), *_in_any_status(wanted, by_time=True))
    if before is not None:
        page = page.where(tuple_(paid_at, _P.id) < before)
    return page.where(paid_at.is_not(None)).order_by(paid_at.desc(), _P.id.desc()).limit(limit)


def page_without_time(
    wanted: PaymentFilter, limit: int, shown: Select[Any], before: str | None
) -> Select[Any]:
    """Return the newest `limit` payments without a `paid_at` that match, older than the id `before`."""
    page = shown.add_columns(_P.paid_at).where(*_conditions(wanted), *_in_any_status(wanted, by_time=True))
    if before is not None:
        page = page.where(_P.id < before)
    return page.where(_paid_at(wanted).is_(None)).order_by(_P.id.desc()).limit(limit)


def count_of_payments(wanted: PaymentFilter) -> Select[int]:
    """Return how many payments match; reads all of them."""
    conditions = [*_conditions(wanted), *_in_any_status(wanted)]
    return select(func.count()).select_from(Payment.__table__).where(*conditions)


def _in_any_status(wanted: PaymentFilter, *, by_time: bool = False) -> list[ColumnElement[bool]]:
    status = _RowByRow(_P.status) if wanted.finds_few or by_time else _P.status
    match wanted.statuses:
        case ():
            return []
        case (one,):
            return [status == one]
    return [status.in_(wanted.statuses)]


def _paid_at(wanted: PaymentFilter) -> ColumnElement[Any]:
    return _RowByRow(_P.paid_at) if wanted.finds_few else _P.paid_at


def _conditions(wanted: PaymentFilter) -> list[ColumnElement[bool]]:
    owner = _RowByRow(_P.owner) if wanted.finds_few else _P.owner
    provider, amount = _RowByRow(_P.provider), _RowByRow(_P.amount)
    terms: list[tuple[Any, Any, Callable[[Any, Any], ColumnElement[bool]]]] = [
        (wanted.owner, owner, eq),
        (wanted.provider, provider, eq),
        (wanted.order_id, _P.order_id, eq),
        (wanted.receipt, _P.receipt, eq),
        # The index of receipts begins with the provider.
        (wanted.receipt and list(Provider), _P.provider, in_op),
        (wanted.phone_hash, _P.phone_hash, eq),
        (wanted.min_amount, amount, ge),
        (wanted.max_amount, amount, le),
        (wanted.first_id, _P.id, ge),
        (wanted.end_id, _P.id, lt),
        (wanted.paid_from, _paid_at(wanted), ge),
        (wanted.paid_to, _paid_at(wanted), lt),
    ]
    return [compare(column, value) for value, column, compare in terms if value is not None]
