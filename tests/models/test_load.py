"""The facts of a payment: one query returns everything that a decision may depend on."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from mpesa_service.core.database import Database
from mpesa_service.domain.decisions import is_proven, order_is_paid
from mpesa_service.domain.facts import OrderFacts, PaymentFacts
from mpesa_service.domain.states import PaymentStatus
from mpesa_service.models import Payment
from mpesa_service.models.load import (
    NAMES,
    About,
    facts_of_new,
    find_orders,
    load,
    load_order,
    make_facts,
)
from tests.support.rows import AT, add, audit_row, confirmation_row, order_row, payment_row


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    found = Database(database_url)
    yield found
    found.dispose()


def maybe(database: Database, **about: str) -> PaymentFacts | None:
    with database.reading() as connection:
        return load(connection, About(**about))


def facts_of(database: Database, **about: str) -> PaymentFacts:
    facts = maybe(database, **about)
    assert facts is not None
    return facts


class TestWhichPayment:
    @pytest.fixture(autouse=True)
    def two(self, database: Database) -> None:
        add(database, payment_row("p1", receipt="R1"), payment_row("p2"))

    @pytest.mark.parametrize(
        ("about", "found"),
        [
            ({"id": "p1"}, "p1"),
            ({"receipt": "R1"}, "p1"),
            ({"checkout": "checkout-p2", "token": "token-p2"}, "p2"),
            ({"checkout": "checkout-p2"}, "p2"),
            ({"checkout": "of nobody", "token": "token-p1"}, "p1"),
            ({"id": "p9"}, None),
            ({"receipt": "R9"}, None),
            ({"checkout": "of nobody", "token": "of nobody"}, None),
            ({"checkout": "of nobody"}, None),
        ],
    )
    def test_by_its_id_receipt_or_address(
        self, database: Database, about: dict[str, str], found: str | None
    ) -> None:
        facts = maybe(database, **about)
        assert (None if facts is None else facts.id) == found

    @pytest.mark.parametrize(("body", "address"), [("p1", "p2"), ("p2", "p1")])
    def test_of_two_it_is_the_one_that_the_body_names(
        self, database: Database, body: str, address: str
    ) -> None:
        assert facts_of(database, checkout=f"checkout-{body}", token=f"token-{address}").id == body


def test_every_column_is_read_as_the_session_reads_it(database: Database) -> None:
    columns = {
        "details": {"cart": ["c", 1, None]},
        "checkout_id_encrypted": bytes(range(256)),
        "next_check_at": AT + timedelta(microseconds=1),
        "refunded_amount": 30,
        "mismatch": "amount",
        "negative_result_code": "1032",
        "negative_result_at": AT,
    }
    add(database, payment_row(**columns))
    facts = facts_of(database, id="p1")
    with database.read() as session:
        payment = session.get_one(Payment, "p1")
        assert facts.payment == {name: getattr(payment, name) for name in NAMES}
    assert columns.items() <= facts.payment.items()
    assert (facts.amount, facts.status, facts.mismatch) == (100, PaymentStatus.PENDING, "amount")
    assert facts.negative_result is not None
    assert (facts.negative_result.result_code, facts.negative_result.at) == ("1032", AT)


def test_a_payment_that_stands_alone(database: Database) -> None:
    add(database, payment_row(order_lock="ORDER1"))
    facts = facts_of(database, id="p1")
    assert facts == make_facts(facts.payment)


def test_the_facts_of_a_new_payment_are_those_that_are_read_later(database: Database) -> None:
    row = payment_row()
    add(database, row)
    assert facts_of(database, id="p1") == facts_of_new(row.columns)


class TestHolder:
    def test_another_payment_holds_the_order_that_this_one_released(self, database: Database) -> None:
        add(database, payment_row("p1", status="unknown"))
        add(database, payment_row("p2", status="succeeded", order_lock="ORDER1", event_count=3, version=5))
        holder = facts_of(database, id="p1").holder
        assert holder is not None
        assert (holder.id, holder.version, holder.status, holder.event_count) == ("p2", 5, "succeeded", 3)
        assert order_is_paid(facts_of(database, id="p1"))

    def test_a_payment_that_holds_its_order_sees_no_holder(self, database: Database) -> None:
        add(database, payment_row("p2", order_lock="ORDER1"))
        assert facts_of(database, id="p2").holder is None

    def test_the_holder_of_another_order_is_none(self, database: Database) -> None:
        add(database, payment_row("p1"), payment_row("p2", order_id="ORDER2", order_lock="ORDER2"))
        assert facts_of(database, id="p1").holder is None


class TestOrder:
    def test_by_its_reference_or_once_it_counts_by_its_id(self, database: Database) -> None:
        add(database, order_row(details={"cart": 1}, expires_at=AT, amount_rule="any", version=4))
        add(database, order_row("ORDER2"))
        add(database, payment_row("p1"), payment_row("p2", expected_order_id="o-ORDER2", order_id="ORDER1"))
        assert facts_of(database, id="p1").order == OrderFacts(
            id="o-ORDER1",
            version=4,
            owner="shop",
            reference="ORDER1",
            amount_due=100,
            amount_rule="any",
            received_amount=0,
            received_elsewhere=0,
            status="open",
            expires_at=AT,
            details={"cart": 1},
        )
        counted = facts_of(database, id="p2").order
        assert counted is not None
        assert counted.id == "o-ORDER2"

    @pytest.mark.parametrize(
        ("order", "counts"),
        [
            ({"owner": "shop"}, True),
            ({"owner": "other"}, False),
            ({"owner": "boss", "shop_wide": True}, True),
            ({"reference": "ORDER2"}, False),
        ],
    )
    def test_it_counts_its_owners_payments_or_everybodys(
        self, database: Database, order: dict[str, Any], counts: bool
    ) -> None:
        add(database, order_row(**order), payment_row("p1"))
        assert (facts_of(database, id="p1").order is not None) is counts

    def test_what_other_payments_brought_less_what_was_refunded(self, database: Database) -> None:
        add(database, order_row(), order_row("ORDER2"))
        paid = {"status": "succeeded", "expected_order_id": "o-ORDER1"}
        add(
            database,
            payment_row("p1", **paid),
            payment_row("p2", **paid, amount=40),
            payment_row("p3", **{**paid, "status": "partially_refunded"}, amount=30, refunded_amount=10),
            payment_row("p4", **{**paid, "status": "refunded"}, amount=20, refunded_amount=20),
            payment_row("p5", **{**paid, "status": "review"}, amount=7),
            payment_row("p6", **{**paid, "status": "pending"}, amount=7),
            payment_row("p7", **{**paid, "expected_order_id": "o-ORDER2"}, amount=7),
        )
        order = facts_of(database, id="p1").order
        assert order is not None
        assert order.received_elsewhere == 60

    def test_an_order_by_itself(self, database: Database) -> None:
        paid = {"status": "succeeded", "expected_order_id": "o-ORDER1"}
        add(database, order_row(), payment_row("p1", **paid), payment_row("p2", **paid, amount=40))
        with database.reading() as connection:
            whole = load_order(connection, "reference", "ORDER1")
            assert whole is not None
            assert whole.received_elsewhere == 140
            assert load_order(connection, "id", "o-ORDER1") == whole
            assert load_order(connection, "id", "o-ORDER1", beside="p1") == replace(
                whole, received_elsewhere=40
            )
            assert load_order(connection, "id", "o-ORDER9") is None

    def test_by_what_a_payer_typed(self, database: Database) -> None:
        add(database, order_row("ORDER1"), order_row("AB", account_key="order1"), order_row("ORDER3"))
        with database.reading() as connection:
            assert sorted(find_orders(connection, "order1")) == ["o-AB", "o-ORDER1"]
            assert find_orders(connection, "order3") == ["o-ORDER3"]
            assert find_orders(connection, "order9") == []
            assert find_orders(connection, "") == []


class TestReceipts:
    def test_one_that_another_payment_owns_is_taken(self, database: Database) -> None:
        add(database, payment_row("p1", receipt="R1"), payment_row("p2", receipt="R2"))
        taken = {
            receipt: facts_of(database, id="p1", receipt=receipt).receipt_taken
            for receipt in ("R1", "R2", "R3")
        }
        assert taken == {"R1": False, "R2": True, "R3": False}
        assert not facts_of(database, id="p1").receipt_taken
        assert facts_of(database, checkout="checkout-p1", receipt="R2").receipt_taken

    def test_a_claimed_one_may_be_another_payments_by_now(self, database: Database) -> None:
        add(database, payment_row("p1", claimed_receipt="R2"), payment_row("p3", claimed_receipt="R9"))
        assert not facts_of(database, id="p1").claimed_receipt_taken
        add(database, payment_row("p2", receipt="R2"))
        assert facts_of(database, id="p1").claimed_receipt_taken
        assert not facts_of(database, id="p3").claimed_receipt_taken

    @pytest.mark.parametrize(
        ("confirmation", "confirmed"),
        [
            ({"receipt": "R1", "payment_id": "p1"}, True),
            ({"receipt": "R1"}, False),
            ({"receipt": "R2", "payment_id": "p1"}, False),
            ({"receipt": "R1", "payment_id": "p1", "amount_cents": 9_900}, False),
            ({"receipt": "R1", "payment_id": "p1", "amount_cents": 10_050}, False),
        ],
    )
    def test_it_is_confirmed_by_its_own_receipt_and_all_of_its_amount(
        self, database: Database, confirmation: dict[str, Any], confirmed: bool
    ) -> None:
        add(database, payment_row("p1", receipt="R1", status="succeeded"), confirmation_row(**confirmation))
        facts = facts_of(database, id="p1")
        assert (facts.confirmed, is_proven(facts)) == (confirmed, confirmed)


class TestUnresolved:
    """In review only because its outcome was never reported."""

    def unresolved(self, database: Database, status: str, *lines: dict[str, Any]) -> bool:
        add(database, payment_row("p1", status=status))
        add(database, *(audit_row(sequence=number, **line) for number, line in enumerate(lines, 1)))
        return facts_of(database, id="p1").unresolved

    UNRESOLVED = {"cause": "unresolved", "from_status": "unknown", "to_status": "review"}  # noqa: RUF012
    NOTED = {"cause": "disputed", "from_status": "review", "to_status": "review"}  # noqa: RUF012
    UNCLEAR = {"cause": "unclear_result", "from_status": "pending", "to_status": "review"}  # noqa: RUF012

    def test_its_last_move_decides(self, database: Database) -> None:
        assert self.unresolved(database, "review", self.UNRESOLVED, self.NOTED)

    def test_another_move_to_review(self, database: Database) -> None:
        assert not self.unresolved(database, "review", self.UNCLEAR)

    def test_what_is_not_in_review_is_not_unresolved(self, database: Database) -> None:
        settled = {"cause": "settled_by_operator", "from_status": "review", "to_status": "succeeded"}
        assert not self.unresolved(database, "succeeded", self.UNRESOLVED, settled)


def test_nothing_is_read_from_the_body_of_sql(database: Database) -> None:
    """What a stranger posts is a value, whatever it contains."""
    add(database, payment_row("p1"))
    odd = "' OR 1=1 -- %s %(id)s :id"
    assert maybe(database, checkout=odd, token=odd) is None
    assert maybe(database, id=odd) is None
    assert maybe(database, receipt=odd) is None


def test_an_error_is_one_of_sqlalchemys_and_shows_no_values(database: Database) -> None:
    with database.reading() as connection, pytest.raises(DBAPIError) as raised:
        connection.rows(f"SELECT {'?' if database.is_sqlite else '%s'} FROM no_such_table", ("254712345678",))
    assert "254712345678" not in str(raised.value)
