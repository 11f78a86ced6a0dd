"""The schema's steps: up, down and up again, the same as the models, and what the database itself refuses."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from mpesa_service.core.database import Database
from mpesa_service.models import Base
from mpesa_service.operations.readiness import SCHEMA_REVISION
from tests.support.migrations import INSERT_PAYMENT_0002, NOW, ROOT, alembic, run_alembic, schema

VERSIONS = ROOT / "migrations" / "versions"


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
