"""Serializes payments without the schemas, for speed: as JSON objects, and as lines of an export."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

from mpesa_service.domain.moments import in_nairobi
from mpesa_service.payments import views
from mpesa_service.payments.schemas import ListedPaymentSchema, RefundSchema
from mpesa_service.payments.views import PaymentRecord
from mpesa_service.web.fields import NairobiTime

_FIELDS = ListedPaymentSchema().fields
_KEYS = {name: field.data_key or name for name, field in _FIELDS.items()}
"""The names of a payment's fields in the API."""
_TIMES = tuple(_KEYS[name] for name, field in _FIELDS.items() if isinstance(field, NairobiTime))
_values = attrgetter(*_KEYS)
EXPORTED = tuple(_KEYS[name] for name in views.EXPORTED)
"""The columns of an export."""

_FORMULA_STARTS = frozenset("=+-@\t\r\n")
"""First characters that make a spreadsheet read a cell as a formula (OWASP: CSV injection)."""
_OURS = {
    *("_id", "provider", "channel", "status", "evidence", "amount", "currency", "refundedAmount"),
    *("metadata", "createdAt", "updatedAt", "completedAt", "paidAt", "paidAtSource"),
}
"""Columns that always begin with a letter, a digit or a brace, whatever a client sends."""
_OTHERS = tuple(place for place, name in enumerate(EXPORTED) if name not in _OURS)
_METADATA = EXPORTED.index("metadata")
_REFUNDS = RefundSchema(many=True)
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def as_json(payment: PaymentRecord) -> dict[str, Any]:
    """Return the JSON that ListedPaymentSchema dumps, many times faster. A test compares both."""
    found = dict(zip(_KEYS.values(), _values(payment), strict=True))
    for key in _TIMES:
        found[key] = in_nairobi(found[key])
    return found


def as_whole_json(payment: PaymentRecord) -> dict[str, Any]:
    """Return the JSON that PaymentSchema dumps for a payment with its refunds."""
    return {**as_json(payment), "refunds": _REFUNDS.dump(payment.refunds) if payment.refunds else []}


def as_initiated(payment: PaymentRecord, response_code: str | None) -> dict[str, Any]:
    """Return the JSON that InitiatedSchema dumps for a push and its payment."""
    return {
        "checkoutRequestId": payment.checkout_request_id,
        "merchantRequestId": payment.merchant_request_id,
        "responseCode": response_code,
        "payment": as_whole_json(payment),
    }


def written(kind: str, batches: Iterable[Sequence[Sequence[Any]]]) -> Iterator[str]:
    """Yield the text of an export, `csv` or `jsonl`, batch by batch. EXPORTED names the columns."""
    if kind == "csv":
        yield _csv([EXPORTED])
        yield from (_csv(map(_cells, batch)) for batch in batches)
    else:
        yield from ("".join(f"{_encode(_exported(payment))}\n" for payment in batch) for batch in batches)


def _exported(payment: Sequence[Any]) -> dict[str, Any]:
    found = dict(zip(EXPORTED, payment, strict=True))
    found["metadata"] = json.loads(found["metadata"])
    return found


def readable_cells(payment: Sequence[Any]) -> Sequence[Any]:
    """Return a payment's cells for people: letters that the stored JSON escapes are written as themselves."""
    if "\\u" in (metadata := payment[_METADATA]):
        readable = json.dumps(json.loads(metadata), ensure_ascii=False)
        payment = (*payment[:_METADATA], readable, *payment[_METADATA + 1 :])
    return payment


def _cells(payment: Sequence[Any]) -> Sequence[Any]:
    """Return a payment's cells for CSV. A cell that a spreadsheet might calculate begins with a quote."""
    payment = readable_cells(payment)
    for place in _OTHERS:
        cell = payment[place]
        if cell and cell[0] in _FORMULA_STARTS:
            return [_as_text(cell) for cell in payment]
    return payment


def _as_text(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in _FORMULA_STARTS else cell


def _csv(rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
