"""What the database itself refuses."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, IntegrityError

from mpesa_service.core.database import Database
from mpesa_service.models import Base, Payment, PaymentEvent, Refund
from mpesa_service.models.payments import Provider
from tests.support.migrations import NOW, c2b, mpesa, refund_of, store


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    found = Database(database_url)
    yield found
    found.dispose()


def stripe(**changes: Any) -> dict[str, Any]:
    own = {"phone_encrypted": None, "phone_hash": None, "callback_token_hash": None}
    own |= {"id": "s" * 24, "provider": Provider.STRIPE, "channel": None, "stripe_payment_intent_id": "pi_1"}
    return mpesa(**{**own, **changes})


def unique_columns(table: type[Base]) -> set[str]:
    constraints = table.__table__.constraints
    unique = [c for c in constraints if isinstance(c, sa.UniqueConstraint) and len(c.columns) == 1]
    return {column.name for constraint in unique for column in constraint.columns}


def count(database: Database, table: type[Base]) -> int:
    with database.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


class TestWhatTheDatabaseRefuses:
    def test_a_stripe_payment_can_stand_beside_an_mpesa_one(self, database: Database) -> None:
        with database.begin() as session:
            session.add_all(
                [
                    Payment(**mpesa(receipt="SAME", order_lock="ORDER1")),
                    Payment(**stripe(receipt="SAME", order_lock=None)),
                ]
            )
        with database.read() as session:
            found = session.scalars(sa.select(Payment).order_by(Payment.provider)).all()
        assert [row.provider for row in found] == ["mpesa", "stripe"]
        assert found[1].created_at == NOW

    @pytest.mark.parametrize(
        ("row", "name"),
        [
            (mpesa(amount=0), "amount"),
            (mpesa(amount=-1), "amount"),
            (mpesa(currency="usd"), "currency"),
            (mpesa(currency="KES"), "currency"),
            (mpesa(provider="paypal"), "provider"),
            (mpesa(status="paid"), "status"),
            (mpesa(status="SUCCEEDED"), "status"),
            (mpesa(status=""), "status"),
            (mpesa(refunded_amount=101), "refunds_within_amount"),
            (mpesa(refunding_amount=101), "refunds_within_amount"),
            (mpesa(refunded_amount=60, refunding_amount=41), "refunds_within_amount"),
            (mpesa(refunded_amount=-1), "refunds_within_amount"),
            (mpesa(refunding_amount=-1, refunded_amount=5), "refunds_within_amount"),
            (mpesa(stripe_payment_intent_id="pi_1"), "own_columns_only"),
            (mpesa(callback_token_hash=None), "own_columns_only"),
            (mpesa(phone_encrypted=None), "own_columns_only"),
            (mpesa(phone_hash=None), "own_columns_only"),
            (stripe(stripe_payment_intent_id=None), "own_columns_only"),
            (stripe(callback_token_hash="t" * 64), "own_columns_only"),
            (stripe(phone_encrypted=b"x"), "own_columns_only"),
            (stripe(phone_hash="p" * 64), "own_columns_only"),
            (stripe(channel="c2b"), "own_columns_only"),
            (mpesa(channel=None), "own_columns_only"),
            (mpesa(channel="ussd"), "channel"),
            (c2b(receipt=None), "own_columns_only"),
            (c2b(payer_encrypted=None), "own_columns_only"),
            (c2b(callback_token_hash="t" * 64), "own_columns_only"),
            (c2b(checkout_id_hash="c" * 64), "own_columns_only"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_payments(self, database: Database, row: dict[str, Any], name: str) -> None:
        # Some break two rules; which one is named first is the database's affair.
        also = {
            "provider": "|own_columns_only",
            "amount": "|refunds_within_amount",
            "channel": "|own_columns_only",
        }
        rules = rf"ck_payments_({name}{also.get(name, '')})\b"
        with pytest.raises(IntegrityError, match=rules):
            store(database, (Payment, row))

    def test_a_c2b_payment_needs_no_order(self, database: Database) -> None:
        store(database, (Payment, c2b()))
        store(database, (Refund, refund_of(payment_id=c2b()["id"], method="reversal", phone_encrypted=None)))
        assert (count(database, Payment), count(database, Refund)) == (1, 1)

    def test_refunds_up_to_the_amount_are_allowed(self, database: Database) -> None:
        store(database, (Payment, mpesa(refunded_amount=60, refunding_amount=40)))
        assert count(database, Payment) == 1

    @pytest.mark.parametrize(
        ("row", "reason"),
        [
            (refund_of(amount=0), "ck_refunds_amount"),
            (refund_of(amount=-5), "ck_refunds_amount"),
            (refund_of(status="canceled"), "ck_refunds_status"),
            (refund_of(payment_id="n" * 24), "(?i)foreign key"),
            (refund_of(method="cheque"), "ck_refunds_method"),
            (refund_of(phone_encrypted=None), "ck_refunds_phone"),
        ],
    )
    def test_refunds(self, database: Database, row: dict[str, Any], reason: str) -> None:
        store(database, (Payment, mpesa()))
        with pytest.raises(IntegrityError, match=reason):
            store(database, (Refund, row))

    @pytest.mark.parametrize(
        "column", ["callback_token_hash", "checkout_id_hash", "order_lock", "phone_lock", "receipt", "id"]
    )
    def test_a_second_owner(self, database: Database, column: str) -> None:
        store(database, (Payment, mpesa(**{column: "same"})))
        distinct = {"id": "other", "callback_token_hash": "other"}
        with pytest.raises(IntegrityError, match=r"(?i)unique"):
            store(database, (Payment, mpesa(**{**distinct, column: "same"})))

    def test_nobody_owning_it_is_no_second_owner(self, database: Database) -> None:
        store(database, (Payment, mpesa()), (Payment, mpesa(id="other", callback_token_hash="other")))
        assert count(database, Payment) == 2

    @pytest.mark.parametrize("column", sorted(unique_columns(Refund) - {"id"}))
    def test_a_second_refund(self, database: Database, column: str) -> None:
        store(database, (Payment, mpesa()), (Refund, refund_of(**{column: "same"})))
        with pytest.raises(IntegrityError, match=r"(?i)unique"):
            store(database, (Refund, refund_of(**{"id": "q" * 24, column: "same"})))


def event(**changes: Any) -> dict[str, Any]:
    return {
        "payment_id": mpesa()["id"],
        "sequence": 1,
        "to_status": "submitting",
        "cause": "created",
        "actor": "shop",
        "detail": {},
        "at": NOW,
        **changes,
    }


class TestAuditTrail:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE payment_events SET actor = 'nobody'",
            "UPDATE payment_events SET sequence = 2 WHERE sequence = 1",
            "DELETE FROM payment_events",
            "DELETE FROM payment_events WHERE sequence = 1",
        ],
    )
    def test_cannot_be_changed(self, database: Database, statement: str) -> None:
        store(database, (Payment, mpesa()), (PaymentEvent, event()))
        with pytest.raises(DatabaseError, match="payment_events is append-only"), database.begin() as session:
            session.execute(sa.text(statement))
        with database.read() as session:
            assert session.scalars(sa.select(PaymentEvent.actor)).all() == ["shop"]

    def test_goes_on(self, database: Database) -> None:
        store(database, (Payment, mpesa()), (PaymentEvent, event()), (PaymentEvent, event(sequence=2)))
        with database.read() as session:
            assert session.scalars(sa.select(PaymentEvent.id)).all() == [1, 2]

    def test_has_each_number_once(self, database: Database) -> None:
        store(database, (Payment, mpesa()), (PaymentEvent, event()))
        with pytest.raises(IntegrityError, match=r"(?i)unique"):
            store(database, (PaymentEvent, event()))

    def test_belongs_to_a_payment(self, database: Database) -> None:
        with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
            store(database, (PaymentEvent, event()))

    def test_keeps_its_payment(self, database: Database) -> None:
        store(database, (Payment, mpesa()), (PaymentEvent, event()))
        with pytest.raises(IntegrityError, match=r"(?i)foreign key"), database.begin() as session:
            session.execute(sa.delete(Payment))
