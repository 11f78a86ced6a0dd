"""Query strings: accepted and refused values."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from marshmallow import ValidationError

from mpesa_service.domain.references import new_id
from mpesa_service.web.fields import NAIROBI
from mpesa_service.web.query_fields import Cursor, QueryTime, WholeNumber, Words, cursor

EAT = timezone(timedelta(hours=3))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=EAT)),
        ("2026-11-22T14:05", datetime(2026, 11, 22, 14, 5, tzinfo=EAT)),
        ("2026-11-22T14:05:09", datetime(2026, 11, 22, 14, 5, 9, tzinfo=EAT)),
        ("2026-11-22T14:05:09.120", datetime(2026, 11, 22, 14, 5, 9, 120_000, tzinfo=EAT)),
        ("2026-11-22T14:05:09.120+03:00", datetime(2026, 11, 22, 14, 5, 9, 120_000, tzinfo=EAT)),
        ("2026-11-22T14:05:09.120 03:00", datetime(2026, 11, 22, 14, 5, 9, 120_000, tzinfo=EAT)),
        ("2026-11-22T14:05Z", datetime(2026, 11, 22, 14, 5, tzinfo=UTC)),
        ("2026-11-22T14:05:09-05:00", datetime(2026, 11, 22, 19, 5, 9, tzinfo=UTC)),
        ("2024-02-29", datetime(2024, 2, 29, tzinfo=EAT)),
    ],
)
def test_moments(text: str, read: datetime) -> None:
    found = QueryTime().deserialize(text)
    assert found == read
    assert found.tzinfo is not None


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-11-22", datetime(2026, 11, 23, tzinfo=EAT)),
        ("2026-11-22T00:00", datetime(2026, 11, 22, tzinfo=EAT)),
        ("2026-11-22T14:05Z", datetime(2026, 11, 22, 14, 5, tzinfo=UTC)),
        ("2026-12-31", datetime(2027, 1, 1, tzinfo=EAT)),
        ("9999-12-31", datetime(9999, 12, 31, 23, 59, 59, tzinfo=EAT)),
    ],
)
def test_the_end_of_a_range_includes_a_whole_day(text: str, read: datetime) -> None:
    assert QueryTime(end=True).deserialize(text) == read


def test_a_moment_without_a_zone_is_in_nairobi() -> None:
    assert QueryTime().deserialize("2026-11-22").tzinfo is NAIROBI


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-11",
        "2026-11-22T",
        "2026-11-22T14",
        "2026-11-22 14:05",
        "2026-02-30",
        "2026-13-01",
        "2026-11-22T24:01",
        "2026-11-22T14:05:09.1234567",
        "2026-11-22T14:05+3",
        "2026-11-22T14:05+25:00",
        "2026-11-22T14:05:09.120+03:00\n",
        "٢٠٢٦-11-22",
        "1795338000",
        "\x00",
    ],
)
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(ValidationError, match="Not a date or date-time such as"):
        QueryTime().deserialize(text)


@pytest.mark.parametrize(("text", "read"), [("0", 0), ("7", 7), ("007", 7), ("9" * 12, 10**12 - 1), (50, 50)])
def test_whole_numbers(text: Any, read: int) -> None:
    assert WholeNumber().deserialize(text) == read


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", " 1", "1_0", "1.0", "1e3", "٣", "9" * 13, "x", "1\n", "0x1"]
)
def test_what_is_no_whole_number(text: str) -> None:
    with pytest.raises(ValidationError):
        WholeNumber().deserialize(text)


@pytest.mark.parametrize(
    "given", [["a", "b"], ["a,b"], ["a,b", "b"], ["b,a,b"]], ids=["repeated", "commas", "both", "twice"]
)
def test_words(given: list[str]) -> None:
    assert Words(["a", "b", "c"]).deserialize(given) == {"a", "b"}


@pytest.mark.parametrize("given", [[""], ["a,"], ["a,d"], ["A"], ["a b"], ["a", "d"]])
def test_other_words(given: list[str]) -> None:
    with pytest.raises(ValidationError):
        Words(["a", "b", "c"]).deserialize(given)


def test_a_cursor_comes_back_as_the_id() -> None:
    made = new_id(datetime(2026, 11, 22, tzinfo=UTC))
    text = cursor(made)
    assert text is not None
    assert made not in text
    assert Cursor().deserialize(text) == made
    assert cursor(None) is None


@pytest.mark.parametrize(
    "text", ["", "x", "01a202c5a5e0000000000000", "A" * 32, "A" * 31 + "é", "=" * 32, "MDFh" * 9, "\x00" * 32]
)
def test_what_is_no_cursor(text: str) -> None:
    with pytest.raises(ValidationError, match="Not a `next` value"):
        Cursor().deserialize(text)
