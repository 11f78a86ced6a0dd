"""A process without the keys of the stored data does not start. An old key goes when nothing needs it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import delete, select

from mpesa_service.config import load_settings
from mpesa_service.core.encryption import Encryption
from mpesa_service.core.runtime import build_runtime
from mpesa_service.models import UsedKey
from mpesa_service.operations.doctor import keys
from mpesa_service.operations.key_rotation import rotate
from mpesa_service.operations.used_keys import check_rows, keys_problem, start_problem
from tests.c2b.support import confirm
from tests.support import ENCRYPTION_KEY, SECRET, Service, environment

NEW = Fernet.generate_key().decode()
OTHER_SECRET = "another-secret-another-secret-another"


def restart(service: Service, *encryption_keys: str, hash_key: str = SECRET) -> str | None:
    """Start the service with these keys; return why it does not start."""
    object.__setattr__(service.runtime, "encryption", Encryption(encryption_keys, hash_key))
    return keys_problem(service.runtime)


def ready(service: Service) -> Any:
    return service.app.test_client().get("/readyz")


def forget_ids(service: Service) -> None:
    """As in a database of before the ids were stored."""
    with service.runtime.database.begin() as session:
        session.execute(delete(UsedKey))


class TestStart:
    def test_a_fresh_database_takes_any_keys_and_then_only_these(self, service: Service) -> None:
        assert restart(service, ENCRYPTION_KEY) is None
        problem = restart(service, NEW)
        assert problem is not None
        assert "a key that PHONE_ENCRYPTION_KEYS does not have" in problem
        assert "PHONE_HASH_KEY" in str(restart(service, ENCRYPTION_KEY, hash_key=OTHER_SECRET))
        assert restart(service, ENCRYPTION_KEY) is None

    def test_a_refused_key_is_not_stored(self, service: Service) -> None:
        restart(service, ENCRYPTION_KEY)
        restart(service, NEW, hash_key=OTHER_SECRET)
        with service.runtime.database.read() as session:
            assert len(session.scalars(select(UsedKey)).all()) == 2

    def test_a_database_without_ids_is_tried_by_its_newest_rows(self, service: Service) -> None:
        service.paid()
        forget_ids(service)
        assert "no key that decrypts the newest rows of payments" in str(restart(service, NEW))
        assert "PHONE_HASH_KEY" in str(restart(service, ENCRYPTION_KEY, hash_key=OTHER_SECRET))
        assert restart(service, NEW, ENCRYPTION_KEY) is None

    def test_a_payment_without_a_phone_says_nothing_of_the_hash_key(self, service: Service) -> None:
        confirm(service)
        forget_ids(service)
        assert service.payments()[0].phone_encrypted is None
        assert restart(service, ENCRYPTION_KEY, hash_key=OTHER_SECRET) is None

    def test_a_process_asks_before_it_starts(self, service: Service) -> None:
        restart(service, ENCRYPTION_KEY)
        assert start_problem(service.runtime) is None
        object.__setattr__(service.runtime, "encryption", Encryption([NEW], SECRET))
        assert "a key that PHONE_ENCRYPTION_KEYS does not have" in str(start_problem(service.runtime))

    def test_a_database_without_tables_is_a_matter_of_readiness(self, tmp_path: Path) -> None:
        path = tmp_path / "service.db"
        runtime = build_runtime(load_settings(environment(DATABASE_URL=f"sqlite:///{path}")))
        assert (start_problem(runtime), path.exists()) == (None, False)
        path.touch()
        assert start_problem(runtime) is None

    def test_readiness_and_the_doctor_say_so(self, service: Service) -> None:
        assert ready(service).status_code == 200
        restart(service, NEW)
        assert (ready(service).status_code, ready(service).json["code"]) == (503, "not_ready")
        [result] = keys(service.runtime)
        assert (result.health, result.found) == ("wrong", keys_problem(service.runtime))

    def test_the_doctor_stores_nothing(self, service: Service) -> None:
        assert [result.health for result in keys(service.runtime)] == ["good"]
        with service.runtime.database.read() as session:
            assert session.scalars(select(UsedKey)).all() == []


class TestChangeOfTheKey:
    def test_every_process_is_ready_at_every_step_and_the_old_key_can_go_at_the_end(
        self, service: Service
    ) -> None:
        checkout = service.paid()
        for step in ([ENCRYPTION_KEY], [ENCRYPTION_KEY, NEW], [NEW, ENCRYPTION_KEY], [ENCRYPTION_KEY, NEW]):
            assert restart(service, *step) is None
            assert ready(service).status_code == 200
        restart(service, NEW, ENCRYPTION_KEY)
        assert sum(one.older for one in check_rows(service.runtime)) == 2
        assert restart(service, NEW) is not None
        restart(service, NEW, ENCRYPTION_KEY)
        rotate(service.runtime)
        seen: list[int] = []
        assert sum(one.older + one.unreadable for one in check_rows(service.runtime, seen.append)) == 0
        assert sum(seen) == 2
        assert restart(service, NEW) is None
        assert service.payment(checkout)["mpesaCheckoutRequestId"] == checkout

    def test_what_an_old_process_wrote_during_the_rotation_keeps_the_key(self, service: Service) -> None:
        service.paid()
        restart(service, NEW, ENCRYPTION_KEY)
        rotate(service.runtime)
        restart(service, ENCRYPTION_KEY, NEW)
        service.pending(order="ORDER2", phone="254711111111")
        restart(service, NEW, ENCRYPTION_KEY)
        assert {one.table: one.older for one in check_rows(service.runtime)}["payments"] == 1
        assert restart(service, NEW) is not None


class TestLostKeys:
    def test_rotation_goes_on_past_rows_that_no_key_decrypts(self, service: Service) -> None:
        service.paid()
        restart(service, NEW)
        assert rotate(service.runtime) == 2
        assert {one.table: one.unreadable for one in check_rows(service.runtime)}["payments"] == 1
        assert restart(service, NEW) is not None

    def test_a_person_can_start_without_them(self, service: Service) -> None:
        service.paid()
        restart(service, ENCRYPTION_KEY)
        restart(service, NEW, hash_key=OTHER_SECRET)
        check_rows(service.runtime, accept_unreadable=True)
        assert restart(service, NEW, hash_key=OTHER_SECRET) is None


def test_the_commands_count_and_rotate(service: Service) -> None:
    service.paid()
    restart(service, NEW, ENCRYPTION_KEY)
    runner = service.app.test_cli_runner()
    result = runner.invoke(args=["mpesa", "keys", "check"])
    assert (result.exit_code, "Run mpesa keys rotate" in result.stdout) == (1, True)
    result = runner.invoke(args=["mpesa", "keys", "rotate"])
    assert "No row needs an old key." in result.stdout
    result = runner.invoke(args=["mpesa", "keys", "check", "--json"])
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found[0] == {"table": "payments", "newest": 1, "older": 0, "unreadable": 0}


@pytest.mark.parametrize("program", ["import mpesa_service.wsgi", "worker"])
def test_no_program_starts_with_other_keys(service: Service, program: str, tmp_path: Path) -> None:
    restart(service, ENCRYPTION_KEY)
    url = service.runtime.database.engine.url.render_as_string(hide_password=False)
    env = {
        **os.environ,
        **environment(
            DATABASE_URL=url, PHONE_ENCRYPTION_KEYS=NEW, CELERY_BROKER_URL=f"filesystem://{tmp_path}"
        ),
    }
    code = ["-c", program]
    if program == "worker":
        code = ["-m", "celery", "-A", "mpesa_service.jobs.worker", "worker", "--pool", "solo"]
    done = subprocess.run(
        [sys.executable, *code], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "a key that PHONE_ENCRYPTION_KEYS does not have" in done.stderr
    assert "Traceback" not in done.stderr
