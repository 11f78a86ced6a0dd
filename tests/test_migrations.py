"""The schema's steps: up, down and up again, the same as the models, and what the database itself refuses."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DatabaseError, IntegrityError

from mpesa_service.c2b.booking import typed_key
from mpesa_service.core.database import Database
from mpesa_service.core.encryption import Encryption
from mpesa_service.domain.references import first_id
from mpesa_service.models import Base, Payment, PaymentEvent, Refund
from mpesa_service.models.payments import Channel, Provider
from mpesa_service.operations.readiness import SCHEMA_REVISION
from tests.support import ENCRYPTION_KEY, SECRET

ROOT = Path(__file__).resolve().parents[1]
VERSIONS = ROOT / "migrations" / "versions"
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


INSERT_PAYMENT_0002 = f"""
INSERT INTO payments (id, provider, owner, order_id, amount, currency, status, refunded_amount,
refunding_amount, refund_count, metadata, event_count, asks_made, created_at, updated_at, phone_encrypted,
phone_hash, callback_token_hash)
VALUES ('{"p" * 24}', 'mpesa', 'shop', 'O1', 100, 'kes', 'pending', 0,
0, 0, '{{}}', 1, 0, :at, :at, 'x', 'h', 't')
"""
INSERT_EVENT_0002 = f"""
INSERT INTO outgoing_events (event_id, payment_id, type, sequence, payload, created_at)
VALUES ('evt_1', '{"p" * 24}', 'payment.succeeded', 1, 'x', :at)
"""


def alembic(database: Database, do: Any, *arguments: str) -> None:
    config = Config(ROOT / "alembic.ini", stdout=sys.stdout)
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        do(config, *arguments)


def schema(database: Database) -> dict[str, Any]:
    """Return everything that the database says of its tables, in a form that compares."""
    found = {}
    inspector = sa.inspect(database.engine)
    for table in inspector.get_table_names():
        found[table] = {
            "columns": [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(table)],
            "unique": sorted(
                (str(u["name"]), *u["column_names"]) for u in inspector.get_unique_constraints(table)
            ),
            "checks": sorted((str(c["name"]), c["sqltext"]) for c in inspector.get_check_constraints(table)),
            "indexes": sorted(str(index["name"]) for index in inspector.get_indexes(table)),
            "foreign": sorted(str(key["name"]) for key in inspector.get_foreign_keys(table)),
        }
    found["triggers"] = triggers(database)
    return found


def triggers(database: Database) -> list[str]:
    sqlite = "SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
    postgres = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
        " UNION SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1"
    )
    with database.read() as session:
        return list(session.scalars(sa.text(sqlite if database.is_sqlite else postgres)))


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    url: str = request.getfixturevalue("new_postgres_database")("migrations")
    return url


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    database = Database(empty_url)
    yield database
    database.dispose()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    found = Database(database_url)
    yield found
    found.dispose()


class TestSteps:
    def test_up_down_and_up_again(self, empty: Database) -> None:
        alembic(empty, command.upgrade, "head")
        first = schema(empty)
        assert set(first) == {*Base.metadata.tables, "alembic_version", "triggers"}
        assert len(first["triggers"]) == 4
        alembic(empty, command.downgrade, "base")
        assert schema(empty).keys() == {"alembic_version", "triggers"}
        assert schema(empty)["triggers"] == []
        alembic(empty, command.upgrade, "head")
        assert schema(empty) == first

    def test_up_twice_is_up_once(self, empty: Database) -> None:
        alembic(empty, command.upgrade, "head")
        first = schema(empty)
        alembic(empty, command.upgrade, "head")
        assert schema(empty) == first

    def test_the_schema_is_that_of_the_models(
        self, empty: Database, capsys: pytest.CaptureFixture[str]
    ) -> None:
        alembic(empty, command.upgrade, "head")
        alembic(empty, command.check)
        assert "No new upgrade operations detected." in capsys.readouterr().out

    def test_constraints_are_those_of_the_models(self, empty: Database, tmp_path: Path) -> None:
        """`alembic check` does not compare checks, and its types are coarse."""
        alembic(empty, command.upgrade, "head")
        inspector = sa.inspect(empty.engine)
        for name, table in Base.metadata.tables.items():
            modelled = {c.name for c in table.constraints if isinstance(c, sa.CheckConstraint)}
            assert {c["name"] for c in inspector.get_check_constraints(name)} == modelled, name
            unique = {c.name for c in table.constraints if isinstance(c, sa.UniqueConstraint)}
            assert {c["name"] for c in inspector.get_unique_constraints(name)} == unique, name
            for column in inspector.get_columns(name):
                length = getattr(table.c[column["name"]].type, "length", None)
                assert getattr(column["type"], "length", None) == length, (name, column["name"])
                assert column["nullable"] is table.c[column["name"]].nullable, (name, column["name"])

    def test_checks_say_what_the_models_say(self, tmp_path: Path, sqlite_url: str) -> None:
        modelled = Database(f"sqlite:///{tmp_path / 'modelled.db'}")
        migrated = Database(sqlite_url)
        Base.metadata.create_all(modelled.engine)
        for name in Base.metadata.tables:
            one, other = (
                {c["name"]: c["sqltext"] for c in sa.inspect(d.engine).get_check_constraints(name)}
                for d in (modelled, migrated)
            )
            assert one == other
        modelled.dispose()
        migrated.dispose()


def run_alembic(url: str | None, *words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MPESA_", "JWT_"))}
    environ.pop("DATABASE_URL", None)
    if url is not None:
        environ["DATABASE_URL"] = url
    return subprocess.run(
        [sys.executable, "-m", "alembic", *words],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )


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

    def test_two_operators_take_turns(self, before: Database) -> None:
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


class TestMismatches:
    """The mismatch `denial` is called `negative_result` from 0012 on."""

    def mismatches(self, database: Database) -> tuple[str, ...]:
        with database.read() as session:
            return tuple(session.scalars(sa.text("SELECT mismatch FROM payments ORDER BY id")))

    def test_go_up_and_down(self, empty: Database) -> None:
        alembic(empty, command.upgrade, "0002")
        with empty.begin() as session:
            session.execute(sa.text(INSERT_PAYMENT_0002), {"at": NOW.isoformat()})
        alembic(empty, command.upgrade, "0011")
        with empty.begin() as session:
            session.execute(sa.text("UPDATE payments SET mismatch = :old"), {"old": "denial"})
        alembic(empty, command.upgrade, "0012")
        assert self.mismatches(empty) == ("negative_result",)
        alembic(empty, command.downgrade, "0011")
        assert self.mismatches(empty) == ("denial",)


def stored(values: dict[str, Any]) -> dict[str, Any]:
    """Return a row as plain SQL takes it at a revision before 0009 and 0011, which rename columns."""
    names = {"details": "metadata", "check_attempts": "asks_made", "reserved_amount": "held"}
    return {names.get(name, name): "{}" if name == "details" else value for name, value in values.items()}


class TestCommandLine:
    def test_needs_nothing_but_the_database(self, empty_url: str, empty: Database) -> None:
        result = run_alembic(empty_url, "upgrade", "head")
        assert result.returncode == 0, result.stderr
        assert "payments" in schema(empty)

    def test_says_what_is_missing(self) -> None:
        result = run_alembic(None, "upgrade", "head")
        assert result.returncode != 0
        assert "DATABASE_URL is not set, for example: DATABASE_URL=sqlite:///mpesa.db" in result.stderr
        assert "Traceback" not in result.stderr

    def test_works_from_elsewhere(self, tmp_path: Path) -> None:
        result = run_alembic(
            f"sqlite:///{tmp_path / 'x.db'}", "-c", str(ROOT / "alembic.ini"), "heads", cwd=tmp_path
        )
        assert result.returncode == 0, result.stderr
        assert "(head)" in result.stdout


class TestNumbering:
    def test_files_and_revisions_count_up(self) -> None:
        files = sorted(path.name for path in VERSIONS.glob("*.py"))
        assert files
        scripts = ScriptDirectory.from_config(Config(ROOT / "alembic.ini"))
        for number, file in enumerate(files, 1):
            assert re.fullmatch(r"\d{4}_[a-z0-9]+(_[a-z0-9]+)*\.py", file)
            assert file.startswith(f"{number:04}_")
            revision = scripts.get_revision(f"{number:04}")
            assert Path(revision.path).name == file
            assert revision.down_revision == (f"{number - 1:04}" if number > 1 else None)
            assert revision.doc
            assert revision.dependencies is None
            assert not revision.branch_labels

    def test_there_is_one_head_and_it_is_the_last(self) -> None:
        scripts = ScriptDirectory.from_config(Config(ROOT / "alembic.ini"))
        assert scripts.get_heads() == [f"{len(list(VERSIONS.glob('*.py'))):04}"]

    def test_the_service_expects_the_head(self) -> None:
        scripts = ScriptDirectory.from_config(Config(ROOT / "alembic.ini"))
        assert scripts.get_heads() == [SCHEMA_REVISION], "write it into operations/readiness.py"


def mpesa(**changes: Any) -> dict[str, Any]:
    return {
        "id": "67408f1b9d1c712345678abc",
        "provider": Provider.MPESA,
        "channel": Channel.STK,
        "owner": "shop",
        "order_id": "ORDER1",
        "amount": 100,
        "currency": "kes",
        "status": "pending",
        "refunded_amount": 0,
        "refunding_amount": 0,
        "refund_count": 0,
        "check_attempts": 0,
        "event_count": 0,
        "details": {},
        "created_at": NOW,
        "updated_at": NOW,
        "phone_encrypted": b"x",
        "phone_hash": "p" * 64,
        "callback_token_hash": "t" * 64,
        **changes,
    }


def stripe(**changes: Any) -> dict[str, Any]:
    own = {"phone_encrypted": None, "phone_hash": None, "callback_token_hash": None}
    own |= {"id": "s" * 24, "provider": Provider.STRIPE, "channel": None, "stripe_payment_intent_id": "pi_1"}
    return mpesa(**{**own, **changes})


def c2b(**changes: Any) -> dict[str, Any]:
    own = {"phone_encrypted": None, "phone_hash": None, "callback_token_hash": None, "order_id": None}
    own |= {"id": "c" * 24, "channel": Channel.C2B, "receipt": "RKL51ZDR4F", "payer_encrypted": b"x"}
    return mpesa(**{**own, **changes})


def refund_of(**changes: Any) -> dict[str, Any]:
    values = {
        "id": "r" * 24,
        "payment_id": mpesa()["id"],
        "method": "b2c",
        "amount": 10,
        "status": "pending",
        "phone_encrypted": b"x",
        "requested_by": "boss",
        "created_at": NOW,
        "updated_at": NOW,
        **changes,
    }
    return {**required(Refund, values["id"]), **values}


def required(table: type[Base], row_id: str) -> dict[str, Any]:
    """Return something for every column that must be filled, unique to the row where it must be."""
    fillers = {str: lambda column: f"{column.name[:5]}-{row_id}", int: lambda _: 0, bytes: lambda _: b"x"}
    columns = [c for c in table.__table__.columns if not c.nullable and c.type.python_type in fillers]
    return {column.name: fillers[column.type.python_type](column) for column in columns}


def unique_columns(table: type[Base]) -> set[str]:
    constraints = table.__table__.constraints
    unique = [c for c in constraints if isinstance(c, sa.UniqueConstraint) and len(c.columns) == 1]
    return {column.name for constraint in unique for column in constraint.columns}


def store(database: Database, *rows: tuple[type[Base], dict[str, Any]]) -> None:
    """Insert rows with plain statements, past the models' own checks."""
    with database.begin() as session:
        for table, values in rows:
            columns = {("metadata" if name == "details" else name): value for name, value in values.items()}
            session.execute(sa.insert(table.__table__).values(**columns))


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
