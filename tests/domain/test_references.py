"""Ids, tokens, and the reference that the customer reads."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_service.domain.references import (
    ORDER_ID_PATTERN,
    account_reference,
    first_id,
    is_batch_reference,
    is_order_id,
    new_id,
    new_token,
)

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ORDER_IDS = st.from_regex(ORDER_ID_PATTERN, fullmatch=True).filter(is_order_id)


def test_an_id_is_24_hex_digits() -> None:
    assert re.fullmatch(r"[0-9a-f]{24}", new_id(NOW))


def test_an_id_begins_with_its_millisecond() -> None:
    assert int(new_id(NOW + timedelta(milliseconds=250))[:12], 16) == 1_795_338_000_250


@given(
    st.datetimes(datetime(2001, 1, 1), datetime(2105, 1, 1)),  # noqa: DTZ001
    st.integers(2, 10**11),
)
def test_ids_sort_by_time(made: datetime, later: int) -> None:
    first = made.replace(tzinfo=UTC)
    assert new_id(first) < new_id(first + timedelta(milliseconds=later))


@given(st.integers(0, 10**15))
def test_an_id_has_the_millisecond_that_the_wire_shows(microseconds: int) -> None:
    made = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    shown = datetime.fromisoformat(made.isoformat(timespec="milliseconds"))
    assert first_id(shown) <= new_id(made) < first_id(shown + timedelta(milliseconds=1))


def test_the_first_id_of_an_instant() -> None:
    assert first_id(NOW) == f"{1_795_338_000_000:012x}" + "0" * 12
    assert first_id(NOW + timedelta(microseconds=1)) == first_id(NOW + timedelta(milliseconds=1))
    assert first_id(NOW) <= new_id(NOW) < first_id(NOW + timedelta(milliseconds=1))
    nairobi = timezone(timedelta(hours=3))
    assert first_id(NOW.astimezone(nairobi)) == first_id(NOW)


@pytest.mark.parametrize("hours", [-12, 14])
def test_the_ends_of_time_have_first_ids_too(hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    ends = [first_id(datetime(1, 1, 1, tzinfo=zone)), first_id(datetime(9999, 12, 31, 23, 59, tzinfo=zone))]
    assert all(re.fullmatch(r"[0-9a-f]{24}", end) for end in ends)
    assert ends[0] < new_id(NOW) < ends[1]


def test_ids_of_one_instant_differ() -> None:
    assert len({new_id(NOW) for _ in range(1_000)}) == 1_000


def test_tokens_are_long_urlsafe_and_never_the_same() -> None:
    tokens = {new_token() for _ in range(500)}
    assert len(tokens) == 500
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in tokens)


@pytest.mark.parametrize(
    "text",
    [
        *("A", "a", "0", "-", "_", "ORDER-1001", "x" * 64),
        *(
            "INV/2026/00012",
            "SO/2026/1",
            "#1001",
            "POS 3: 17",
            "a b",
            "a/b",
            "a.b",
            "a:b",
            "v1.0/#7",
            "INV / 12",
        ),
        *("...a", ".a", "a.", "a..b", "/".join("a" * 32), "-/_", "a" + " " * 62 + "b"),
    ],
)
def test_order_ids(text: str) -> None:
    assert is_order_id(text)


@pytest.mark.parametrize("text", ["A", "PAY-11", "x" * 64])
def test_references_of_batches(text: str) -> None:
    assert is_batch_reference(text)


@pytest.mark.parametrize("text", ["", "a b", "a/b", "a.b", "#1", "x" * 65, "a\n"])
def test_what_is_no_reference_of_a_batch(text: str) -> None:
    assert not is_batch_reference(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "x" * 65,
            "é",
            "a\n",
            "\na",
            "٣",
            "a\x00",
            "a%2fb",
            "a;b",
            "\ud800",
            "a\\b",
            "a?b",
            "a+b",
            "a&b",
        ),
        *(
            " ",
            " a",
            "a ",
            ".",
            "..",
            "/",
            "../x",
            "x/..",
            "x/../y",
            "x/./y",
            "/x",
            "x/",
            "x//y",
            "x/ /y",
            "#",
            ":",
        ),
        *("a\tb", "a\u00a0b", "a\u2215b", "a/\n", "a/" * 32),
    ],
)
def test_what_is_no_order_id(text: str) -> None:
    assert not is_order_id(text)


@pytest.mark.parametrize("order_id", ["A", "ORDER1", "ABCDEFGHIJKL", "abc123", "0"])
def test_a_short_plain_order_id_passes_as_it_is(order_id: str) -> None:
    assert account_reference(order_id) == order_id


@pytest.mark.parametrize(
    ("order_id", "tail"),
    [
        ("ABCDEFGHIJKLM", "IJKLM"),
        ("ORDER-1001", "R1001"),
        ("A-1", "A1"),
        ("--", ""),
        ("2026_11_22_000017", "00017"),
        ("INV/2026/00012", "00012"),
        ("#1001", "1001"),
        ("POS 3: 17", "OS317"),
    ],
)
def test_any_other_keeps_its_end_behind_a_hash(order_id: str, tail: str) -> None:
    reference = account_reference(order_id)
    assert len(reference) == 12
    assert reference.endswith(tail)
    assert re.fullmatch(r"[0-9A-F]*", reference.removesuffix(tail))


def test_references_do_not_change_between_releases() -> None:
    """Customers read them on old receipts."""
    assert account_reference("ORDER-1001") == "71C270BR1001"
    assert account_reference("2026_11_22_000017") == "A15F31500017"


@given(ORDER_IDS)
def test_at_most_twelve_letters_and_digits_always_the_same(order_id: str) -> None:
    reference = account_reference(order_id)
    assert re.fullmatch(r"[A-Za-z0-9]{1,12}", reference)
    assert account_reference(order_id) == reference


@pytest.mark.parametrize(
    "shape",
    ["ORDER-{:06d}", "shop_a-{:06d}-2026", "{:032x}", "INV/{:06d}".replace("/", "_"), "o-{:04d}-kenya"],
)
def test_order_ids_of_one_shape_rarely_collide(shape: str) -> None:
    references = {account_reference(shape.format(number)) for number in range(5_000)}
    assert len(references) >= 4_999


def test_spellings_that_differ_only_in_signs_differ() -> None:
    spellings = ["ORDER1", "ORDER-1", "ORDER_1", "OR-DER1", "-ORDER1"]
    assert len({account_reference(text) for text in spellings}) == len(spellings)
