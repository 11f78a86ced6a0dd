"""Provider amounts become whole shillings, or nothing."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_service.daraja import whole_shillings
from mpesa_service.domain.money import CURRENCY, SAFARICOM_MAX_AMOUNT, WrittenNumber, typed_shillings


@pytest.mark.parametrize(
    ("value", "shillings"),
    [
        (None, None),
        (0, 0),
        (5, 5),
        (-5, -5),
        (Decimal(5), 5),
        (Decimal("5.00"), 5),
        (Decimal("5.50"), None),
        (Decimal("0.01"), None),
        (Decimal("4.9999999999999999999999999999999999"), None),
        (Decimal("-5.00"), -5),
        (Decimal("1E+3"), 1000),
        (Decimal("NaN"), None),
        (Decimal("sNaN"), None),
        (Decimal("Infinity"), None),
        (Decimal("-Infinity"), None),
        (Decimal("250000.00"), 250_000),
    ],
)
def test_whole_shillings(value: Decimal | int | None, shillings: int | None) -> None:
    found = whole_shillings(value)
    assert found == shillings
    assert found is None or type(found) is int


@given(st.integers(-(10**12), 10**12), st.integers(0, 6))
def test_trailing_zeros_change_nothing(amount: int, zeros: int) -> None:
    assert whole_shillings(Decimal(f"{amount}.{'0' * zeros}" if zeros else str(amount))) == amount


@given(st.integers(0, 10**9), st.integers(1, 99))
def test_a_fraction_is_never_rounded_away(shillings: int, cents: int) -> None:
    assert whole_shillings(Decimal(f"{shillings}.{cents:02d}")) is None


@pytest.mark.parametrize(
    ("amount", "shillings"),
    [
        *((100, 100), (100.0, 100), ("100", 100), ("100.0", 100), ("100.00", 100), ("0100", 100), (-5, -5)),
        *((WrittenNumber("100.0"), 100), (WrittenNumber("1e2"), None), (WrittenNumber("1E2"), None)),
        *((WrittenNumber("100.00000000000000000001"), None), (WrittenNumber("1e999"), None)),
        *((100.5, None), (-5.0, None), (float("nan"), None), (float("inf"), None), (1e22, None)),
        *((True, None), (None, None), ([100], None), (Decimal(100), None), (b"100", None)),
        *(
            ("", None),
            ("1e3", None),
            ("1,000", None),
            ("+1", None),
            ("-1", None),
            (" 1", None),
            ("1\n", None),
        ),
        *(("1.", None), (".0", None), ("1.0.0", None), ("1_0", None), ("\u0663", None), ("9" * 16, None)),
    ],
    ids=repr,
)
def test_amounts_as_clients_write_them(amount: object, shillings: int | None) -> None:
    found = typed_shillings(amount)
    assert found == shillings
    assert found is None or type(found) is int


@given(st.integers(0, 10**15 - 1), st.integers(1, 9), st.integers(0, 30))
def test_a_written_fraction_is_never_rounded_away(amount: int, digit: int, zeros: int) -> None:
    written = f"{amount}.{'0' * zeros}{digit}"
    assert typed_shillings(WrittenNumber(written)) is None
    assert typed_shillings(written) is None


def test_what_safaricom_documents() -> None:
    assert (CURRENCY, SAFARICOM_MAX_AMOUNT) == ("kes", 250_000)
