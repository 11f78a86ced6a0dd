"""The texts of the answers."""

from typing import Any

import pytest
from marshmallow import Schema

from mpesa_service.domain.states import PaymentStatus
from mpesa_service.payments.schemas import OrderSchema, PaymentSchema, RefundSchema
from mpesa_service.web.envelopes import ErrorSchema


def keys(schema: Schema) -> set[str]:
    return {field.data_key or name for name, field in schema.fields.items()}


def test_the_statuses_that_clients_see() -> None:
    seen = PaymentSchema().fields["status"].metadata["enum"]
    assert seen == [
        "canceled",
        "failed",
        "partially_refunded",
        "pending",
        "refunded",
        "review",
        "succeeded",
        "unknown",
    ]
    assert set(seen) == {status.value for status in PaymentStatus} - {"submitting"}
    assert RefundSchema().fields["status"].metadata["enum"] == [
        "failed",
        "pending",
        "review",
        "succeeded",
        "unknown",
    ]


@pytest.mark.parametrize("schema", [PaymentSchema(), RefundSchema(), OrderSchema()])
def test_names_are_camel_case(schema: Schema) -> None:
    assert all(("_" not in key.lstrip("_") and key[:1].islower()) or key == "_id" for key in keys(schema))


@pytest.mark.parametrize("schema", [PaymentSchema(), RefundSchema(), OrderSchema()])
def test_nothing_secret_has_a_field(schema: Schema) -> None:
    words = ("token", "encrypted", "hash", "passkey", "credential", "owner", "live")
    assert not [key for key in keys(schema) if any(word in key.lower() for word in words)]


def test_an_error_has_these_fields() -> None:
    assert keys(ErrorSchema()) == {"error", "message", "code", "requestId", "details"}
    required: dict[str, Any] = ErrorSchema().fields
    assert {n for n, f in required.items() if f.required} == {"error", "message", "code", "request_id"}
