"""Schemas of suspensions."""

from marshmallow import Schema, fields

from mpesa_service.web.fields import NairobiTime


class SuspensionSchema(Schema):
    """A suspension: its name, reason and start."""

    name = fields.String(metadata={"example": "refunds"})
    reason = fields.String()
    since = NairobiTime(
        metadata={"type": "string", "format": "date-time", "example": "2026-11-22T14:05:09.120+03:00"}
    )
