"""Endpoints of outgoing events, and deliveries to them."""

from typing import Any

from marshmallow import Schema, fields, validate

from mpesa_service.domain.announcements import EventType
from mpesa_service.domain.deliveries import DeliveryStatus
from mpesa_service.web.envelopes import Envelope
from mpesa_service.web.fields import Moment, time_field

_URL = {"format": "uri", "example": "https://orders.example.co.ke/webhooks"}
_TYPES = "Which events it is told of; all of them if empty."


def _moment(key: str) -> Moment:
    metadata = {"description": "ISO 8601 with its offset.", "example": "2026-11-22T00:00:00+03:00"}
    return Moment(data_key=key, required=True, default_timezone=None, metadata=metadata)


def _types(**more: object) -> fields.Field[list[Any]]:
    return fields.List(
        fields.Enum(EventType, by_value=True),
        data_key="eventTypes",
        metadata={"description": _TYPES},
        **more,  # type: ignore[arg-type]
    )


def _description(**more: object) -> fields.String:
    return fields.String(
        validate=[validate.Length(max=255), validate.Predicate("isprintable")],
        **more,  # type: ignore[arg-type]
    )


class NewEndpointSchema(Schema):
    """An endpoint to add."""

    url = fields.String(required=True, validate=validate.Length(1, 2048), metadata=_URL)
    event_types = _types(load_default=list)
    description = _description(load_default="")


class EndpointChangeSchema(Schema):
    """What to change of an endpoint; what is absent stays."""

    url = fields.String(validate=validate.Length(1, 2048), metadata=_URL)
    event_types = _types()
    description = _description()
    enabled = fields.Boolean(
        truthy={True},
        falsy={False},
        metadata={"description": "`true` takes up again what was set aside."},
    )


class DeliveryQuerySchema(Schema):
    """Which deliveries of an endpoint, and which page of them."""

    status = fields.Enum(DeliveryStatus, by_value=True, load_default=None)
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    before = fields.Integer(
        load_default=None,
        validate=validate.Range(min=1),
        metadata={"description": "The `_id` of the last delivery of the page before."},
    )


class ReplaySchema(Schema):
    """A time whose events are to be sent again: from `from` to before `to`."""

    since = _moment("from")
    until = _moment("to")


class EndpointSchema(Schema):
    """An endpoint."""

    id = fields.String(data_key="_id")
    url = fields.String(metadata=_URL)
    description = fields.String()
    event_types = fields.List(
        fields.String(metadata={"enum": [word.value for word in EventType]}),
        data_key="eventTypes",
        metadata={"description": _TYPES},
    )
    enabled = fields.Boolean()
    disabled_reason = fields.String(data_key="disabledReason", allow_none=True)
    previous_secret_valid_until = time_field("previousSecretValidUntil", nullable=True)
    created_by = fields.String(data_key="createdBy")
    created_at = time_field("createdAt")
    updated_by = fields.String(data_key="updatedBy")
    updated_at = time_field("updatedAt")


class EndpointWithSecretSchema(EndpointSchema):
    """An endpoint with its new secret, which is shown this once."""

    secret = fields.String(metadata={"description": "`whsec_…`: keep it, it is not shown again."})


class DeliverySchema(Schema):
    """One event on its way to one endpoint."""

    id = fields.Integer(data_key="_id")
    endpoint_id = fields.String(data_key="endpointId")
    event_id = fields.String(data_key="eventId", metadata={"description": "The `webhook-id`."})
    event_type = fields.String(data_key="eventType")
    subject_id = fields.String(
        data_key="subjectId",
        metadata={"description": "What the event is about: a payment, a payout, a batch, or `balance`."},
    )
    payment_id = fields.String(data_key="paymentId", allow_none=True)
    sequence = fields.Integer(metadata={"description": "Counts the events of the subject."})
    resend = fields.Integer(metadata={"description": "0, or which resend this is."})
    status = fields.String(metadata={"enum": [word.value for word in DeliveryStatus]})
    attempts = fields.Integer()
    due_at = time_field("dueAt", nullable=True)
    last_attempt_at = time_field("lastAttemptAt", nullable=True)
    last_status = fields.Integer(data_key="lastStatus", allow_none=True)
    last_error = fields.String(data_key="lastError", allow_none=True)
    last_body = fields.String(
        data_key="lastBody",
        allow_none=True,
        metadata={"description": "The first 500 characters of the answer, redacted."},
    )
    delivered_at = time_field("deliveredAt", nullable=True)
    created_at = time_field("createdAt")


class ReplayedSchema(Schema):
    """What a replay led to."""

    events = fields.Integer(metadata={"description": "How many are sent again."})


class EndpointEnvelope(Envelope):
    data = fields.Nested(EndpointSchema)


class EndpointWithSecretEnvelope(Envelope):
    data = fields.Nested(EndpointWithSecretSchema)


class EndpointListEnvelope(Envelope):
    data = fields.List(fields.Nested(EndpointSchema))


class DeliveryEnvelope(Envelope):
    data = fields.Nested(DeliverySchema)


class DeliveryListEnvelope(Envelope):
    data = fields.List(fields.Nested(DeliverySchema))


class ReplayedEnvelope(Envelope):
    data = fields.Nested(ReplayedSchema)
