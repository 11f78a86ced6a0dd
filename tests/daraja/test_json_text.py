"""Hostile JSON ends in ValueError, and ordinary JSON in plain values."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_service.daraja.values import load_json


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def test_plain_values():
    value = load_json(b'\xef\xbb\xbf{"a": 1.10, "b": [1, -2, null, true], "c": "\\ud83d\\ude00"}')
    assert value == {"a": Decimal("1.10"), "b": [1, -2, None, True], "c": "\U0001f600"}
    assert str(value["a"]) == "1.10"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b'{"a": 1, "a": 1}',
        b"1" * 33,
        b"1" * 5000,
        b"1e999999999",
        b"1e99999999999999999999",
        b"1e" + b"9" * 5000,
        b"1e-33",
        b"0." + b"1" * 40,
        b'"\\u0000"',
        b'{"\\u0000": 1}',
        b'["\\ud800"]',
        nested(25),
        nested(100_000),
        b'{"a":' * 100_000,
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_refused(raw):
    with pytest.raises(ValueError):
        load_json(raw)


def test_just_within_the_limits():
    assert load_json(b"1" * 32) == int("1" * 32)
    assert load_json(b"1e32") == Decimal("1e32")
    assert load_json(b"0." + b"1" * 30) == Decimal("0." + "1" * 30)
    assert load_json(nested(24)) is not None


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_round_trip(value):
    assert load_json(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_bytes_are_values_or_value_errors(raw):
    try:
        value = load_json(raw)
    except ValueError:
        return
    assert value is None or isinstance(value, dict | list | str | int | Decimal)
