"""Which order money may be meant for: never on the payer's number alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_service.domain.moves import MATCH_UNDONE
from mpesa_service.domain.orders import OrderStatus
from mpesa_service.domain.states import PaymentStatus
from mpesa_service.domain.suggestions import (
    MOST_SUGGESTED,
    KnownPayment,
    Reason,
    Resemblance,
    neighbors,
    suggest,
    why_unmatched,
)


def order(
    key: str = "order1001", missing: int = 100, *, payer: bool = False, account: str = ""
) -> Resemblance:
    return Resemblance(key.upper(), (key, account or key), missing, payer)


@pytest.mark.parametrize(
    ("typed", "amount", "given", "score", "reasons"),
    [
        ("order1001", 100, order(payer=True), 100, {"reference_equal", "amount_equal", "payer_agrees"}),
        ("order1001", 40, order(), 60, {"reference_equal"}),
        ("order101", 40, order(), 40, {"reference_one_typo_away"}),
        ("order1010", 100, order(), 65, {"reference_one_typo_away", "amount_equal"}),
        ("71c270br1001", 40, order(account="71c270br1001"), 60, {"reference_equal"}),
        ("71c270br101", 40, order(account="71c270br1001"), 40, {"reference_one_typo_away"}),
        ("rent", 100, order(payer=True), 40, {"amount_equal", "payer_agrees"}),
        ("", 100, order(payer=True), 40, {"amount_equal", "payer_agrees"}),
    ],
)
def test_what_is_suggested_and_why(
    typed: str, amount: int, given: Resemblance, score: int, reasons: set[str]
) -> None:
    [found] = suggest(typed, amount, [given])
    assert (found.order_id, found.score, {str(reason) for reason in found.reasons}) == (
        "ORDER1001",
        score,
        reasons,
    )


@pytest.mark.parametrize(
    ("typed", "amount", "given"),
    [
        ("rent", 40, order(payer=True)),
        ("rent", 100, order()),
        ("", 100, order(key="", missing=100)),
        ("order11", 100, order()),
        ("ab", 40, order(key="abc")),
    ],
    ids=["payer alone", "amount alone", "no reference", "two typos", "too short for typos"],
)
def test_what_is_not(typed: str, amount: int, given: Resemblance) -> None:
    assert suggest(typed, amount, [given]) == ()


def test_the_amount_alone_is_enough_if_nothing_else_is_known() -> None:
    [found] = suggest("", 100, [order(missing=99), order()], amount_is_enough=True)
    assert (found.order_id, found.score, found.reasons) == ("ORDER1001", 25, (Reason.AMOUNT_EQUAL,))


def test_the_likeliest_come_first_and_there_are_few() -> None:
    orders = [order(f"order100{number}") for number in range(9)]
    found = suggest("order1004", 100, orders)
    assert [one.order_id for one in found] == ["ORDER1004", *(f"ORDER100{number}" for number in range(4))]
    assert len(found) == MOST_SUGGESTED
    assert found[0].reasons == (Reason.REFERENCE_EQUAL, Reason.AMOUNT_EQUAL)


def distance(left: str, right: str) -> int:
    """Count the typos, the slow way: optimal string alignment."""
    table = [[max(i, j) if not min(i, j) else 0 for j in range(len(right) + 1)] for i in range(len(left) + 1)]
    for i in range(1, len(left) + 1):
        for j in range(1, len(right) + 1):
            wrong = table[i - 1][j - 1] + (left[i - 1] != right[j - 1])
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, wrong)
            if i > 1 and j > 1 and left[i - 2 : i] == right[j - 2 : j][::-1]:
                table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
    return table[-1][-1]


KEYS = st.text("ab1", min_size=4, max_size=6)


@given(KEYS, KEYS)
def test_neighbors_are_what_is_one_typo_away(typed: str, other: str) -> None:
    assert (other in neighbors(typed)) is (distance(typed, other) == 1)


def test_a_key_has_so_many_neighbors_and_no_more() -> None:
    assert len(neighbors("abcdefghijklmnopqrst")) == 20 + 20 * 35 + 21 * 36 - 20 + 19
    assert neighbors("a" * 21) == neighbors("abc") == frozenset()


@pytest.mark.parametrize("status", [*OrderStatus, None])
def test_an_order_of_the_exact_id_comes_first_whatever_its_status(status: OrderStatus | None) -> None:
    exact = Resemblance("EXACT", ("order1001",), 0, status=status)
    near = order("order1002", payer=True)
    first, second = suggest("order1001", 100, [near, exact])
    assert (first.order_id, first.order_status, first.score) == ("EXACT", status, 60)
    assert (second.order_id, second.score) == ("ORDER1002", 80)


@pytest.mark.parametrize("status", [*OrderStatus, None])
def test_another_order_is_only_suggested_while_it_takes_money(status: OrderStatus | None) -> None:
    found = suggest(
        "order101", 100, [Resemblance("X", ("order1001",), 100, payer_agrees=True, status=status)]
    )
    assert bool(found) is (status in {OrderStatus.OPEN, OrderStatus.PARTIALLY_PAID})


PAID = KnownPayment("p", PaymentStatus.REFUNDED)
CANCELED = KnownPayment("p", PaymentStatus.CANCELED)


@pytest.mark.parametrize(
    ("status", "payment", "against", "why"),
    [
        (OrderStatus.OPEN, None, [], "fits_no_order"),
        (OrderStatus.PARTIALLY_PAID, PAID, [], "fits_no_order"),
        (OrderStatus.PAID, PAID, ["order_paid_already"], "order_paid_already"),
        (OrderStatus.OVERPAID, None, ["order_paid_already"], "order_paid_already"),
        (OrderStatus.EXPIRED, None, ["order_closed"], "order_of_another_status"),
        (OrderStatus.CANCELED, None, ["order_closed"], "order_of_another_status"),
        (None, PAID, ["order_paid_already", "order_not_registered"], "order_paid_already"),
        (None, CANCELED, ["order_not_registered"], "order_not_registered"),
    ],
)
def test_why_the_money_waits(
    status: OrderStatus | None, payment: KnownPayment | None, against: list[str], why: str
) -> None:
    order = Resemblance("X", ("order1001",), 100, status=status, payment=payment)
    [found] = suggest("order1001", 7, [order])
    assert (found.reasons, found.payment) == (("reference_equal", *against), payment)
    assert why_unmatched(None, [found]) == why
    assert why_unmatched(MATCH_UNDONE, [found]) == "match_undone"
    assert why_unmatched(None, []) == "fits_no_order"
