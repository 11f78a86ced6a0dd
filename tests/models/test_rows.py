"""What the rows themselves refuse, and how times and races are kept."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
import sqlalchemy as sa

from mpesa_service.core.database import Database
from mpesa_service.domain.states import PaymentStatus, RefundStatus
from mpesa_service.models import Base, DarajaToken, IdempotencyKey, Payment, Refund
from mpesa_service.models.base import UtcDateTime, one_of
from mpesa_service.models.payments import Provider
from mpesa_service.models.statements import (
    insert_once,
    lock_payment,
    lock_refund_where,
)
from tests.support.migrations import NOW, mpesa, refund_of


@pytest.fixture
def database(database_url: str) -> Any:
    found = Database(database_url)
    yield found
    found.dispose()


class TestPayment:
    @pytest.mark.parametrize("column", ["amount", "refunded_amount", "refunding_amount"])
    @pytest.mark.parametrize("value", [10.0, 10.5, "10", True, None, Decimal(10)], ids=repr)
    def test_amounts_are_integers_and_nothing_else(self, column: str, value: Any) -> None:
        with pytest.raises(TypeError, match=f"{column} is whole shillings as an int, not "):
            Payment(**mpesa(**{column: value}))
        payment = Payment(**mpesa())
        with pytest.raises(TypeError):
            setattr(payment, column, value)

    def test_providers_are_known(self) -> None:
        with pytest.raises(ValueError, match="paypal"):
            Payment(**mpesa(provider="paypal"))
        assert type(Payment(**mpesa(provider=Provider.STRIPE)).provider) is str

    def test_what_can_be_refunded(self) -> None:
        payment = Payment(**mpesa(amount=100, refunded_amount=30, refunding_amount=20))
        assert payment.refundable_amount == 50

    def test_states(self) -> None:
        assert Payment(**mpesa(status="review")).state is PaymentStatus.REVIEW
        assert Refund(**refund_of(status="unknown")).state is RefundStatus.UNKNOWN
        with pytest.raises(ValueError, match="nonsense"):
            _ = Payment(**mpesa(status="nonsense")).state

    def test_every_state_fits_its_column(self) -> None:
        assert max(len(status) for status in PaymentStatus) <= Payment.__table__.c.status.type.length
        assert max(len(status) for status in RefundStatus) <= Refund.__table__.c.status.type.length


class TestTimes:
    def test_come_back_in_utc(self, database: Database) -> None:
        nairobi = datetime(2026, 11, 22, 12, 0, 0, 123_456, tzinfo=timezone(timedelta(hours=3)))
        with database.begin() as session:
            session.add(Payment(**mpesa(created_at=nairobi)))
        with database.read() as session:
            [found] = session.scalars(sa.select(Payment.created_at))
        assert found == nairobi
        assert found.tzinfo is UTC

    def test_compare_as_times_whatever_their_zone(self, database: Database) -> None:
        with database.begin() as session:
            session.add(Payment(**mpesa(created_at=NOW)))
        later = NOW.astimezone(timezone(timedelta(hours=-5))) + timedelta(seconds=1)
        with database.read() as session:
            assert session.scalars(sa.select(Payment).where(Payment.created_at < later)).all()
            assert not session.scalars(sa.select(Payment).where(Payment.created_at > later)).all()

    def test_without_a_zone_are_refused(self) -> None:
        with pytest.raises(ValueError, match="a time without a zone is not stored"):
            UtcDateTime().process_bind_param(datetime(2026, 1, 1), sa.create_engine("sqlite://").dialect)  # noqa: DTZ001

    def test_none_stays_none(self) -> None:
        dialect = sa.create_engine("sqlite://").dialect
        assert UtcDateTime().process_bind_param(None, dialect) is None
        assert UtcDateTime().process_result_value(None, dialect) is None

    def test_every_time_column_is_such_a_one(self) -> None:
        for table in Base.metadata.tables.values():
            for column in table.columns:
                assert not isinstance(column.type, sa.DateTime), column
                if column.name.endswith(("_at", "_until")) or column.name == "at":
                    assert isinstance(column.type, UtcDateTime), column


def test_no_column_holds_a_float() -> None:
    for table in Base.metadata.tables.values():
        for column in table.columns:
            assert not isinstance(column.type, sa.Float | sa.Numeric) or isinstance(column.type, sa.Integer)


def test_one_of() -> None:
    class Word(StrEnum):
        A = "a"
        B = "b"

    assert one_of("word", Word) == "word IN ('a', 'b')"


def key(**changes: Any) -> dict[str, Any]:
    return {
        "caller": "shop",
        "operation": "initiate",
        "key": "k",
        "request_hash": "f",
        "resource_id": "r",
        "locked_until": NOW,
        "created_at": NOW,
        "expires_at": NOW,
        **changes,
    }


class TestStatements:
    def test_insert_once(self, database: Database) -> None:
        with database.begin() as session:
            assert insert_once(session, IdempotencyKey, key()) is True
            assert insert_once(session, IdempotencyKey, key(resource_id="other")) is False
            assert insert_once(session, IdempotencyKey, key(caller="other")) is True
            assert insert_once(session, IdempotencyKey, key(operation="refund")) is True
            assert insert_once(session, IdempotencyKey, key(key="K")) is True
            assert insert_once(session, DarajaToken, {"app": "a"}) is True
            assert insert_once(session, DarajaToken, {"app": "a"}) is False
        with database.read() as session:
            select_key = sa.select(IdempotencyKey.resource_id).filter_by(caller="shop", key="k")
            assert session.scalars(select_key.filter_by(operation="initiate")).all() == ["r"]
            assert len(session.scalars(select_key).all()) == 2

    def test_locking_reads_what_is_there_now(self, database: Database) -> None:
        with database.begin() as session:
            session.add(Payment(**mpesa(order_lock="ORDER1")))
        with database.begin() as session:
            payment = session.scalars(sa.select(Payment)).one()
            session.execute(
                sa.update(Payment).values(status="succeeded").execution_options(synchronize_session=False)
            )
            assert payment.status == "pending"
            assert lock_payment(session, payment.id) is payment
            assert payment.status == "succeeded"

    def test_locking_a_refund_locks_its_payment_first(self, database: Database) -> None:
        with database.begin() as session:
            session.add(Payment(**mpesa()))
            session.flush()
            session.add(Refund(**refund_of(originator_conversation_id="o1")))
        locked: list[str] = []

        @sa.event.listens_for(database.engine, "before_cursor_execute")
        def note(_c: Any, _cur: Any, statement: str, *_: Any) -> None:
            if not database.is_sqlite and "FOR UPDATE" in statement:
                locked.append(statement.split("FROM ")[1].split()[0])

        with database.begin() as session:
            found = lock_refund_where(session, originator_conversation_id="o1")
            assert found is not None
            assert found.id == "r" * 24
            assert lock_refund_where(session, originator_conversation_id="none") is None
        assert locked == ([] if database.is_sqlite else ["payments", "refunds"])

    def test_locking_what_is_not_there_is_a_fault(self, database: Database) -> None:
        with pytest.raises(sa.exc.NoResultFound), database.begin() as session:
            lock_payment(session, "nothing")
