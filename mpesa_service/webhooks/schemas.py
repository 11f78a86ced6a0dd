"""Endpoints of outgoing events, and deliveries to them."""

from typing import Any

from marshmallow import Schema, fields, validate

from mpesa_service.domain.deliveries import DeliveryStatus
from mpesa_service.domain.event_types import EventType
from mpesa_service.web.fields import RequestSchema, ZonedTime, between, characters, text_field, time_field

_URL = {"format": "uri", "example": "https://orders.example.co.ke/webhooks"}
_TYPES = "The event types that the endpoint receives; all types if empty."


def _moment(key: str) -> ZonedTime:
    metadata = {"description": "ISO 8601 with its offset.", "example": "2026-11-22T00:00:00+03:00"}
    return ZonedTime(data_key=key, required=True, default_timezone=None, metadata=metadata)


def _types(**more: object) -> fields.Field[list[Any]]:
    return fields.List(
        fields.Enum(EventType, by_value=True),
        data_key="eventTypes",
        metadata={"description": _TYPES},
        **more,  # type: ignore[arg-type]
    )


def _description(**more: object) -> fields.String:
    return fields.String(
        validate=[
            characters(0, 255),
            validate.Predicate("isprintable", error="must be printable, on one line."),
        ],
        **more,  # type: ignore[arg-type]
    )


class NewEndpointSchema(RequestSchema):
    url = fields.String(required=True, validate=characters(1, 2048), metadata=_URL)
    event_types = _types(load_default=list)
    description = _description(load_default="")


class EndpointChangeSchema(RequestSchema):
    """A change of an endpoint; an absent field stays as it is."""

    url = fields.String(validate=characters(1, 2048), metadata=_URL)
    event_types = _types()
    description = _description()
    enabled = fields.Boolean(
        truthy={True},
        falsy={False},
        metadata={"description": "`true` also sends the parked deliveries."},
    )


class DeliveryQuerySchema(RequestSchema):
    """A page of an endpoint's deliveries, filtered by status."""

    status = fields.Enum(DeliveryStatus, by_value=True, load_default=None)
    limit = fields.Integer(load_default=50, validate=between(1, 200))
    before = fields.Integer(
        load_default=None,
        validate=validate.Range(min=1, error="must be at least {min}."),
        metadata={"description": "The `_id` of the last delivery of the page before."},
    )


class ReplaySchema(RequestSchema):
    """The period whose events are sent again: from `from` to before `to`."""

    since = _moment("from")
    until = _moment("to")


class EndpointSchema(Schema):
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
    subject_id = text_field(
        "subjectId", "The id of the payment, payout or batch of this event, or `balance`.", nullable=False
    )
    payment_id = fields.String(data_key="paymentId", allow_none=True)
    sequence = fields.Integer(metadata={"description": "The event's number among those of its subject."})
    resend = fields.Integer(
        metadata={"description": "0 for the first delivery, else the number of the resend."}
    )
    status = fields.String(metadata={"enum": [word.value for word in DeliveryStatus]})
    attempts = fields.Integer()
    due_at = time_field("dueAt", nullable=True)
    last_attempt_at = time_field("lastAttemptAt", nullable=True)
    last_status = fields.Integer(data_key="lastStatus", allow_none=True)
    last_error = fields.String(data_key="lastError", allow_none=True)
    last_body = text_field("lastBody", "The first 500 characters of the answer, redacted.")
    delivered_at = time_field("deliveredAt", nullable=True)
    created_at = time_field("createdAt")


class ReplayedSchema(Schema):
    """The result of a replay."""

    events = fields.Integer(metadata={"description": "How many events are sent again."})
