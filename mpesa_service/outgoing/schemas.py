"""Requests and responses about the money that goes out, and the lines of its export."""

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from marshmallow import Schema, fields

from mpesa_service.domain.commands import PayoutType, RefundMethod
from mpesa_service.domain.states import PayoutStatus, RefundStatus
from mpesa_service.outgoing.listing import OutgoingKind, OutgoingRecord
from mpesa_service.web.csv_rows import csv_lines
from mpesa_service.web.envelopes import Envelope
from mpesa_service.web.fields import evidence_field, one_of, text_field, time_field
from mpesa_service.web.file_formats import BOM, JSONL, XLSX, FileFormat
from mpesa_service.web.list_queries import (
    CursorPageSchema,
    ExportFormatSchema,
    MoneyFilterSchema,
    statuses_field,
)
from mpesa_service.web.xlsx_rows import xlsx_parts

KINDS = tuple(kind.value for kind in OutgoingKind)
STATUSES = sorted({status.public for words in (RefundStatus, PayoutStatus) for status in words})
_TYPES = sorted({word.value for words in (RefundMethod, PayoutType) for word in words})


class OutgoingSchema(Schema):
    """A refund or a payout."""

    id = fields.String(data_key="_id")
    kind = fields.String(metadata={"enum": list(KINDS)})
    type = fields.String(
        metadata={"enum": _TYPES, "description": "The method of a refund, or the type of a payout."}
    )
    payment_id = text_field("paymentId", "The payment that a refund returns.")
    order_id = text_field("orderId", "The order of that payment.")
    batch_id = text_field("batchId", "The batch of a payout.")
    reference = text_field("reference", "The reference of that batch.")
    row_number = fields.Integer(data_key="row", allow_none=True)
    status = fields.String(metadata={"enum": STATUSES})
    evidence = evidence_field()
    amount = fields.Integer(metadata={"description": "Whole shillings."})
    currency = fields.String(metadata={"enum": ["kes"]})
    receipt = text_field("mpesaReceiptNumber")
    phone = text_field("phoneNumber", "Masked.")
    business_number = text_field("businessNumber")
    account_reference = text_field("accountReference")
    conversation_id = text_field("conversationId", "Daraja's; null until it is known.")
    result_code = text_field("resultCode")
    result_desc = text_field("resultDesc")
    failure_reason = text_field("failureReason", "A sentence for people.")
    requested_by = fields.String(data_key="requestedBy")
    created_at = time_field("createdAt")
    updated_at = time_field("updatedAt")
    completed_at = time_field("completedAt", nullable=True)
    paid_at = time_field("paidAt", "M-Pesa's own time; null until M-Pesa states it.", nullable=True)
    paid_at_source = text_field("paidAtSource", "The source of `paidAt`.")


class OutgoingFilterSchema(MoneyFilterSchema):
    """Filters for refunds and payouts. Each must match all of them."""

    kind = fields.String(load_default=None, validate=one_of(KINDS))
    statuses = statuses_field(STATUSES)


class OutgoingQuerySchema(OutgoingFilterSchema, CursorPageSchema):
    """Filters for refunds and payouts, and the page to return."""


class OutgoingExportSchema(OutgoingFilterSchema, ExportFormatSchema):
    """Filters for refunds and payouts, and the format of the file."""


class OutgoingPageEnvelope(Envelope):
    """A page of refunds and payouts."""

    data = fields.List(fields.Nested(OutgoingSchema))
    next = text_field("next", "`after` of the next page; null on the last one.")


_SCHEMA = OutgoingSchema()
COLUMNS = tuple(field.data_key or name for name, field in _SCHEMA.fields.items())
"""The columns of an export."""


def export_file(form: FileFormat, batches: Iterable[list[OutgoingRecord]]) -> Iterator[bytes]:
    """Yield the bytes of an export, batch by batch."""
    if form.kind == JSONL:
        for batch in batches:
            rows = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in map(_dump, batch))
            yield "".join(f"{row}\n" for row in rows).encode()
        return
    cells = ([list(map(row.get, COLUMNS)) for row in map(_dump, batch)] for batch in batches)
    heading: list[list[Any]] = [list(COLUMNS)]
    parts = chain([heading], cells)
    if form.kind == XLSX:
        yield from xlsx_parts(parts)
        return
    if form.bom:
        yield BOM.encode()
    for part in parts:
        yield "".join(csv_lines(part)).encode()


def _dump(row: OutgoingRecord) -> dict[str, Any]:
    return dict(_SCHEMA.dump(row))
