"""The values that each field accepts and refuses."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields

from mpesa_service.domain.references import ORDER_ID_RULE
from mpesa_service.errors import InvalidAmount, InvalidPhone
from mpesa_service.payments.schemas import InitiateSchema
from mpesa_service.payouts.schemas import BatchQuerySchema
from mpesa_service.refunds.schemas import RefundRequestSchema
from mpesa_service.review.schemas import ResolveSchema, ReturnSchema
from mpesa_service.web.fields import MAX_METADATA_BYTES, NairobiTime
from mpesa_service.webhooks.schemas import EndpointChangeSchema, ReplaySchema

GOOD = {"orderId": "ORDER-1001", "amount": 100, "phoneNumber": "0712345678"}


def load(**changes: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = InitiateSchema().load({**GOOD, **changes})
    return loaded


def complaint(**changes: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        load(**changes)
    return caught.value.messages


def nested(depth: int, inner: Any = 1) -> Any:
    value = inner
    for number in range(depth):
        value = [value] if number % 2 else {"k": value}
    return value


def test_a_good_body() -> None:
    assert load(metadata={"a": [1, {"b": None}]}) == {
        "order_id": "ORDER-1001",
        "amount": 100,
        "phone_number": "254712345678",
        "metadata": {"a": [1, {"b": None}]},
    }


def test_metadata_may_be_left_out() -> None:
    assert load()["metadata"] == {}
    assert load()["metadata"] is not load()["metadata"]


@pytest.mark.parametrize("field", sorted(GOOD))
def test_the_rest_may_not(field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        InitiateSchema().load({name: value for name, value in GOOD.items() if name != field})
    assert caught.value.messages == {field: ["is required."]}


@pytest.mark.parametrize("field", ["orderID", "order_id", "phone_number", "Amount", "currency", "status", ""])
def test_unknown_fields_are_refused(field: str) -> None:
    assert complaint(**{field: 1}) == {field: ["is not a known field."]}
    with pytest.raises(ValidationError):
        RefundRequestSchema().load({"amount": 1, field: 1})


@pytest.mark.parametrize(
    ("schema", "body", "expected"),
    [
        (ResolveSchema(), {"action": "pay", "reason": 1}, "must be one of: settle, fail."),
        (ResolveSchema(), {"action": None, "reason": "x"}, "must not be null."),
        (ResolveSchema(), {"action": 1, "reason": "x"}, "must be a text."),
        (ReturnSchema(), {"reason": ""}, "must be 1 to 500 characters."),
        (BatchQuerySchema(), {"limit": 0}, "must be 1 to 200."),
        (BatchQuerySchema(), {"limit": "x"}, "must be a whole number."),
        (BatchQuerySchema(), {"status": "gone"}, "must be one of: waiting_approval"),
        (EndpointChangeSchema(), {"enabled": "x"}, "must be true or false."),
        (EndpointChangeSchema(), {"eventTypes": 1}, "must be a list."),
        (EndpointChangeSchema(), {"eventTypes": ["x"]}, "must be one of: payment."),
        (ReplaySchema(), {"from": "x"}, "must be an ISO 8601 time"),
    ],
    ids=lambda value: repr(value) if isinstance(value, dict) else None,
)
def test_every_fault_is_reported_in_one_style(schema: Schema, body: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValidationError) as caught:
        schema.load(body)
    first = next(iter(caught.value.messages_dict.values()))
    words = first[0] if isinstance(first, list) else first[0][0]
    assert words.startswith(expected)


def test_all_errors_are_reported_together() -> None:
    with pytest.raises(ValidationError) as caught:
        InitiateSchema().load({"orderId": "", "amount": 0, "phoneNumber": "1", "metadata": 1, "x": 1})
    assert set(caught.value.messages) == {"orderId", "amount", "phoneNumber", "metadata", "x"}


@pytest.mark.parametrize("body", [[], "text", 1, None, True, [GOOD]])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    for schema in (InitiateSchema(), RefundRequestSchema()):
        with pytest.raises(ValidationError):
            schema.load(body)


class TestShillings:
    @pytest.mark.parametrize("amount", [1, 2, 100, 250_000, 10**30])
    def test_whole_numbers(self, amount: int) -> None:
        assert load(amount=amount)["amount"] == amount
        assert RefundRequestSchema().load({"amount": amount}) == {"amount": amount}

    @pytest.mark.parametrize("amount", [100.0, "100", "100.0", "100.00"])
    def test_other_spellings_of_a_whole_number(self, amount: object) -> None:
        found = load(amount=amount)["amount"]
        assert (found, type(found)) == (100, int)
        assert RefundRequestSchema().load({"amount": amount}) == {"amount": 100}

    @pytest.mark.parametrize(
        "amount",
        [
            10.5,
            1e300,
            "1e3",
            "1,000",
            "100.5",
            " 100",
            "",
            True,
            False,
            float("nan"),
            float("inf"),
            [],
            [100],
            {},
            {"value": 100},
            Decimal(100),
        ],
        ids=repr,
    )
    def test_anything_else_is_refused(self, amount: Any) -> None:
        assert complaint(amount=amount) == {"amount": [InvalidAmount.message]}
        with pytest.raises(ValidationError):
            RefundRequestSchema().load({"amount": amount})

    @pytest.mark.parametrize("amount", [0, -1, -100, -(10**30)])
    def test_less_than_a_shilling_is_refused(self, amount: int) -> None:
        assert complaint(amount=amount) == {"amount": ["Amount must be at least 1 shilling."]}
        with pytest.raises(ValidationError):
            RefundRequestSchema().load({"amount": amount})

    def test_null_is_refused_where_it_is_required(self) -> None:
        assert list(complaint(amount=None)) == ["amount"]

    def test_a_refund_without_an_amount_is_of_all_that_is_left(self) -> None:
        assert RefundRequestSchema().load({}) == {}


class TestPhoneNumber:
    @pytest.mark.parametrize("text", ["254712345678", "+254 712 345 678", "0712345678", "712345678"])
    def test_loads_in_one_form(self, text: str) -> None:
        assert load(phoneNumber=text)["phone_number"] == "254712345678"

    @pytest.mark.parametrize(
        "value",
        ["123456", "255712345678", "2540712345678", "", 254712345678, 712345678.0, True, [], {}],
        ids=repr,
    )
    def test_anything_else_gets_the_sentence(self, value: Any) -> None:
        assert complaint(phoneNumber=value) == {"phoneNumber": [InvalidPhone.message]}

    def test_null_is_refused(self) -> None:
        assert list(complaint(phoneNumber=None)) == ["phoneNumber"]


class TestOrderId:
    @pytest.mark.parametrize(
        "value", ["", "x" * 65, "a ", "a/", "a//b", "é", "a\n", 1, 1.0, True, [], {}], ids=repr
    )
    def test_anything_else_is_refused(self, value: Any) -> None:
        assert complaint(orderId=value) == {"orderId": [f"orderId must be {ORDER_ID_RULE}."]}

    def test_null_is_refused(self) -> None:
        assert list(complaint(orderId=None)) == ["orderId"]


class TestMetadata:
    @pytest.mark.parametrize("value", [[], "text", 1, True, 1.5], ids=repr)
    def test_must_be_an_object(self, value: Any) -> None:
        assert complaint(metadata=value) == {"metadata": ["metadata must be an object."]}

    def test_null_is_refused(self) -> None:
        assert list(complaint(metadata=None)) == ["metadata"]

    def test_its_size(self) -> None:
        most = {"k": "x" * (MAX_METADATA_BYTES - len('{"k": ""}'))}
        assert load(metadata=most)["metadata"] == most
        more = {"k": most["k"] + "x"}
        assert complaint(metadata=more) == {"metadata": ["metadata may have 4096 bytes at most."]}

    def test_other_alphabets_count_as_they_are_stored(self) -> None:
        assert complaint(metadata={"k": "\u0161" * 1_000})

    @pytest.mark.parametrize("depth", [1, 2, 5])
    def test_its_depth(self, depth: int) -> None:
        value = {"k": nested(depth - 1)}
        assert load(metadata=value)["metadata"] == value

    @pytest.mark.parametrize("depth", [6, 7, 400, 900])
    def test_too_deep_is_refused_however_deep(self, depth: int) -> None:
        found = complaint(metadata={"k": nested(depth - 1)})
        assert found == {"metadata": ["metadata may be nested 5 levels deep at most."]}

    @pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
    def test_numbers_that_json_does_not_have_are_refused(self, number: float) -> None:
        """1e999 is valid JSON and becomes infinity in Python, which PostgreSQL would not store."""
        assert json.loads("1e999") == float("inf")
        assert list(complaint(metadata={"k": [number]})) == ["metadata"]

    @pytest.mark.parametrize("text", ["\x00", "a\x00b"])
    def test_nul_is_refused(self, text: str) -> None:
        for value in ({"k": text}, {text: 1}, {"k": [{"j": text}]}):
            assert complaint(metadata=value) == {"metadata": ["metadata may not contain NUL characters."]}

    @pytest.mark.parametrize("text", ["\ud800", "a\udfff", "\ude00\ud83d"])
    def test_half_a_character_is_refused(self, text: str) -> None:
        for value in ({"k": text}, {text: 1}):
            expected = ["metadata contains text that is not valid Unicode."]
            assert complaint(metadata=value) == {"metadata": expected}

    @pytest.mark.parametrize(
        "text", ["😀", "\u010de\u0161tina", "\\ud800", "\x01", "\u2028", "'; DROP TABLE payments; --"]
    )
    def test_any_other_text_is_kept(self, text: str) -> None:
        assert load(metadata={"k": text, text: "v"})["metadata"] == {"k": text, text: "v"}

    @given(
        st.dictionaries(
            st.text(max_size=5),
            st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
            max_size=5,
        )
    )
    def test_what_is_taken_is_kept_and_can_be_stored(self, value: dict[str, Any]) -> None:
        try:
            kept = load(metadata=value)["metadata"]
        except ValidationError:
            return
        assert kept == value
        assert "\x00" not in json.dumps(value, ensure_ascii=False, allow_nan=False).encode().decode()


class Times(Schema):
    at = NairobiTime()
    also = fields.String()


class TestNairobiTime:
    @pytest.mark.parametrize(
        ("time", "text"),
        [
            (datetime(2026, 11, 22, 11, 5, 9, 120_456, tzinfo=UTC), "2026-11-22T14:05:09.120+03:00"),
            (datetime(2026, 11, 22, 23, 0, tzinfo=UTC), "2026-11-23T02:00:00.000+03:00"),
            (datetime(2026, 7, 1, 0, 0, tzinfo=UTC), "2026-07-01T03:00:00.000+03:00"),
            (datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=3))), "2026-01-01T00:00:00.000+03:00"),
        ],
    )
    def test_is_written_with_its_offset(self, time: datetime, text: str) -> None:
        assert Times().dump({"at": time}) == {"at": text}
        assert datetime.fromisoformat(text) == time.replace(microsecond=time.microsecond // 1_000 * 1_000)

    def test_none_stays_none(self) -> None:
        assert Times().dump({"at": None}) == {"at": None}
