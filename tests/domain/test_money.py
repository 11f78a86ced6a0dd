"""Provider amounts become whole shillings, or nothing."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_service.daraja import whole_shillings
from mpesa_service.domain.money import CURRENCY, SAFARICOM_MAX_AMOUNT


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


def test_what_safaricom_documents() -> None:
    assert (CURRENCY, SAFARICOM_MAX_AMOUNT) == ("kes", 250_000)
