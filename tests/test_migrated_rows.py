"""Rows of older schemas go up and down with the schema, while the service runs."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import IntegrityError

from mpesa_service.c2b.booking import typed_key
from mpesa_service.core.database import Database
from mpesa_service.core.encryption import Encryption
from mpesa_service.domain.references import first_id
from mpesa_service.models import Payment, Refund
from tests.support import ENCRYPTION_KEY, SECRET
from tests.support.migrations import (
    INSERT_PAYMENT_0002,
    NOW,
    ROOT,
    alembic,
    c2b,
    mpesa,
    refund_of,
    run_alembic,
    schema,
    store,
)

INSERT_EVENT_0002 = f"""
INSERT INTO outgoing_events (event_id, payment_id, type, sequence, payload, created_at)
VALUES ('evt_1', '{"p" * 24}', 'payment.succeeded', 1, 'x', :at)
"""


class TestWithMoneyInIt:
    """A step must not lose what the one before it held."""

    @pytest.fixture
    def at_0002(self, empty: Database) -> Database:
        alembic(empty, command.upgrade, "0002")
        with empty.begin() as session:
            session.execute(sa.text(INSERT_PAYMENT_0002), {"at": NOW.isoformat()})
            session.execute(sa.text(INSERT_EVENT_0002), {"at": NOW.isoformat()})
        return empty

    def test_payments_and_what_refers_to_them_go_up_and_down(self, at_0002: Database) -> None:
        alembic(at_0002, command.upgrade, "head")
        with at_0002.read() as session:
            assert session.scalars(sa.text("SELECT channel FROM payments")).all() == ["stk"]
            assert session.scalars(sa.text("SELECT subject_id FROM outgoing_events")).all() == ["p" * 24]
        store(at_0002, (Payment, mpesa(id="other", callback_token_hash="other")))
        with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
            store(at_0002, (Refund, refund_of(payment_id="nobody")))
        alembic(at_0002, command.downgrade, "0002")
        with at_0002.read() as session:
            assert session.scalar(sa.text("SELECT count(*) FROM payments")) == 2
            assert session.scalar(sa.text("SELECT count(*) FROM outgoing_events")) == 1

    def test_money_that_the_older_schema_cannot_hold_stops_the_way_down(self, at_0002: Database) -> None:
        alembic(at_0002, command.upgrade, "head")
        store(at_0002, (Payment, c2b()))
        with pytest.raises(RuntimeError, match="1 payments came by C2B"):
            alembic(at_0002, command.downgrade, "0002")
        with at_0002.read() as session:
            assert session.scalar(sa.text("SELECT count(*) FROM payments")) == 2


class TestAccountReferences:
    """What stood in clear is encrypted, which takes the keys."""

    ROWS = (
        """INSERT INTO payments (id, provider, channel, owner, amount, currency, status, refunded_amount,
        refunding_amount, refund_count, metadata, event_count, asks_made, created_at, updated_at, receipt,
        payer_encrypted, bill_reference, reference_key) VALUES ('p', 'mpesa', 'c2b', '', 100, 'kes', 'review',
        0, 0, 0, '{}', 1, 0, :at, :at, 'R1', 'x', '0712 345 678', '0712345678')""",
        """INSERT INTO c2b_confirmations (receipt, shortcode, amount_cents, transaction_type, bill_reference,
        payer_kind, received_at) VALUES ('R1', '174379', 10000, '', '0712 345 678', 'none', :at),
        ('R2', '174379', 10050, '', '', 'none', :at)""",
    )

    @pytest.fixture
    def at_0005(self, empty: Database) -> Database:
        alembic(empty, command.upgrade, "0005")
        with empty.begin() as session:
            for statement in self.ROWS:
                session.execute(sa.text(statement), {"at": NOW.isoformat()})
        return empty

    def test_go_up_encrypted_and_not_down(self, at_0005: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PHONE_ENCRYPTION_KEYS", ENCRYPTION_KEY)
        monkeypatch.setenv("PHONE_HASH_KEY", SECRET)
        alembic(at_0005, command.upgrade, "0006")
        encryption = Encryption([ENCRYPTION_KEY], SECRET)
        with at_0005.read() as session:
            columns = Payment.reference_key, Payment.bill_reference_encrypted
            [payment] = session.execute(sa.select(*columns)).all()
            listed = "SELECT bill_reference_encrypted, unbooked_id FROM c2b_confirmations ORDER BY receipt"
            rows = session.execute(sa.text(listed)).all()
        assert payment.reference_key == typed_key(encryption, "0712345678")
        assert encryption.decrypt(payment.bill_reference_encrypted or b"") == "0712 345 678"
        assert encryption.decrypt(rows[0].bill_reference_encrypted or b"") == "0712 345 678"
        assert rows[1].bill_reference_encrypted is None
        assert (rows[0].unbooked_id, (rows[1].unbooked_id or "")[:12]) == (None, first_id(NOW)[:12])
        with pytest.raises(RuntimeError, match="1 rows of payments are encrypted"):
            alembic(at_0005, command.downgrade, "0005")

    @pytest.mark.parametrize("missing", ["PHONE_ENCRYPTION_KEYS", "PHONE_HASH_KEY"])
    def test_says_which_key_is_missing(
        self, at_0005: Database, monkeypatch: pytest.MonkeyPatch, missing: str
    ) -> None:
        monkeypatch.setenv("PHONE_ENCRYPTION_KEYS", ENCRYPTION_KEY)
        monkeypatch.setenv("PHONE_HASH_KEY", SECRET)
        monkeypatch.delenv(missing)
        with pytest.raises(SystemExit, match=f"{missing} is not set"):
            alembic(at_0005, command.upgrade, "0006")
        with at_0005.read() as session:
            assert session.scalars(sa.text("SELECT bill_reference FROM payments")).all() == ["0712 345 678"]


class TestIndexesOfLists:
    """On PostgreSQL they are built while payments continue, and an interrupted build can be repeated."""

    @pytest.fixture
    def before(self, new_postgres_database: Any) -> Iterator[Database]:
        database = Database(new_postgres_database("lists"))
        alembic(database, command.upgrade, "0004")
        yield database
        database.dispose()

    def columns(self, database: Database) -> dict[str, list[str]]:
        found = sa.inspect(database.engine).get_indexes("payments")
        return {str(index["name"]): [str(name) for name in index["column_names"]] for index in found}

    def test_what_a_stopped_attempt_left_is_built_again(self, before: Database) -> None:
        with before.begin() as session:
            session.execute(sa.text("CREATE INDEX ix_payments_status ON payments (currency)"))
        alembic(before, command.upgrade, "0005")
        assert self.columns(before)["ix_payments_status"] == ["status", "id"]
        assert self.columns(before)["ix_payments_owner_status"] == ["owner", "status", "id"]

    def test_writers_are_not_locked_out(self, before: Database) -> None:
        building = threading.Thread(target=alembic, args=(before, command.upgrade, "0005"))
        insert = sa.insert(sa.table("payments", *(sa.column(name) for name in stored(mpesa()))))
        with before.begin() as slow, before.engine.connect() as watch:
            slow.execute(insert.values(**stored(mpesa())))
            building.start()  # it waits for the slow one
            active = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE :words"
            )
            for _ in range(200):
                if watch.scalar(sa.text(active), {"words": "CREATE INDEX CONCURRENTLY%"}):
                    break
                watch.rollback()
                time.sleep(0.05)
            with before.begin() as quick:
                quick.execute(sa.text("SET LOCAL lock_timeout = '1s'"))
                other = stored(mpesa(id="other", callback_token_hash="other"))
                quick.execute(insert.values(**other))
            assert building.is_alive()
            watch.rollback()
        building.join(timeout=60)
        assert not building.is_alive()
        assert "ix_payments_amount" in self.columns(before)
        with before.read() as session:
            assert session.scalar(sa.text("SELECT bool_and(indisvalid) FROM pg_index")) is True

    def test_later_steps_are_as_impatient_as_before(self, before: Database) -> None:
        config = Config(ROOT / "alembic.ini")
        with before.engine.connect() as connection:
            connection.execute(sa.text("SET statement_timeout = '7s'"))
            connection.execute(sa.text("SET lock_timeout = '3s'"))
            connection.commit()
            config.attributes["connection"] = connection
            command.upgrade(config, "0005")
            assert connection.scalar(sa.text("SHOW statement_timeout")) == "7s"
            assert connection.scalar(sa.text("SHOW lock_timeout")) == "3s"

    def test_two_operators_wait_for_each_other(self, before: Database) -> None:
        url = before.engine.url.render_as_string(hide_password=False)
        with ThreadPoolExecutor(2) as pool:
            results = list(pool.map(lambda _: run_alembic(url, "upgrade", "head"), range(2)))
        assert [(result.returncode, result.stderr) for result in results] == [(0, ""), (0, "")]
        assert schema(before)["alembic_version"]


INSERT_CALLBACK = """
INSERT INTO callback_inbox (kind, body_encrypted, headers, received_at, verdict, attempts)
VALUES (:kind, 'x', '{}', :at, 'applied', 1)
"""


class TestCallbackKinds:
    """Rows of the kinds that the first versions received stay, under the kinds of today."""

    OLD = ("b2c_result", "b2c_timeout", "status_result", "status_timeout")
    NEW = ("command_result", "command_timeout", "command_status_result", "command_status_timeout")

    def kinds(self, database: Database) -> tuple[str, ...]:
        with database.read() as session:
            return tuple(session.scalars(sa.text("SELECT kind FROM callback_inbox ORDER BY id")))

    def receive(self, database: Database, *kinds: str) -> None:
        with database.begin() as session:
            for kind in kinds:
                session.execute(sa.text(INSERT_CALLBACK), {"kind": kind, "at": NOW.isoformat()})

    def test_go_up_and_down(self, empty: Database) -> None:
        alembic(empty, command.upgrade, "0009")
        self.receive(empty, "stk", *self.OLD, "c2b_confirmation")
        alembic(empty, command.upgrade, "0010")
        assert self.kinds(empty) == ("stk", *self.NEW, "c2b_confirmation")
        with pytest.raises(IntegrityError, match="ck_callback_inbox_kind"):
            self.receive(empty, "b2c_result")
        if not empty.is_sqlite:
            with empty.read() as session:
                valid = "SELECT bool_and(convalidated) FROM pg_constraint"
                assert session.scalar(sa.text(valid)) is True
        alembic(empty, command.downgrade, "0009")
        self.receive(empty, "b2c_result")
        assert self.kinds(empty) == ("stk", *self.NEW, "c2b_confirmation", "b2c_result")

    def test_a_callback_that_was_only_received_is_applied_again(self, empty: Database) -> None:
        alembic(empty, command.upgrade, "0012")
        received = INSERT_CALLBACK.replace("'applied'", "'received'")
        with empty.begin() as session:
            session.execute(sa.text(received), {"kind": "stk", "at": NOW.isoformat()})
        alembic(empty, command.upgrade, "0013")
        with empty.read() as session:
            assert session.scalar(sa.text("SELECT verdict FROM callback_inbox")) == "failed"
        alembic(empty, command.downgrade, "0012")

    def test_unreadable_callbacks_on_secret_addresses_are_unread(self, empty: Database) -> None:
        """Each may report money that nobody has seen."""
        alembic(empty, command.upgrade, "0019")
        payment = mpesa(id="a" * 24, callback_token_hash="secret")
        store(empty, (Payment, payment))
        unreadable = INSERT_CALLBACK.replace("'applied'", "'unreadable'").replace(
            "attempts)", "attempts, token_hash, post_id)"
        )
        rows = [("c2b_confirmation", None, None), ("stk", "secret", "b" * 24), ("stk", "unknown", None)]
        with empty.begin() as session:
            for kind, token, post_id in [*rows, ("stk", None, None), ("c2b_validation", None, None)]:
                text = sa.text(unreadable.replace(", 1)", ", 1, :token, :post_id)"))
                at = NOW if not empty.is_sqlite else NOW.replace(tzinfo=None)
                values = {"kind": kind, "at": str(at), "token": token, "post_id": post_id}
                session.execute(text, values)
        alembic(empty, command.upgrade, "0020")
        with empty.read() as session:
            names = "verdict, post_id, payment_id"
            found = session.execute(sa.text(f"SELECT {names} FROM callback_inbox ORDER BY id")).all()
        assert [row.verdict for row in found] == ["unread", "unread", *["unreadable"] * 3]
        assert (found[0].post_id[:12], len(found[0].post_id)) == (first_id(NOW)[:12], 24)
        assert (found[1].post_id, found[1].payment_id) == ("b" * 24, "a" * 24)
        alembic(empty, command.downgrade, "0019")
        with empty.read() as session:
            verdicts = session.scalars(sa.text("SELECT verdict FROM callback_inbox")).all()
        assert set(verdicts) == {"unreadable"}

    def test_callbacks_without_a_post_id_stay(self, empty: Database) -> None:
        alembic(empty, command.upgrade, "0013")
        self.receive(empty, "stk", "stk")
        alembic(empty, command.upgrade, "0014")
        self.receive(empty, "stk")  # by an older version that still runs
        with empty.begin() as session:
            update = sa.text("UPDATE callback_inbox SET post_id = 'a' WHERE id <= :last")
            session.execute(update, {"last": 1})
        with pytest.raises(IntegrityError), empty.begin() as session:
            session.execute(update, {"last": 2})
        alembic(empty, command.downgrade, "0013")
        assert self.kinds(empty) == ("stk",) * 3


def stored(values: dict[str, Any]) -> dict[str, Any]:
    """Return a row as plain SQL takes it at a revision before 0009 and 0011, which rename columns."""
    names = {"details": "metadata", "check_attempts": "asks_made", "reserved_amount": "held"}
    return {names.get(name, name): "{}" if name == "details" else value for name, value in values.items()}
