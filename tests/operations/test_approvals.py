"""The doctor reports what waits for a second person."""

import pytest

from mpesa_service.core.database import Database
from mpesa_service.operations.approvals import approvals
from mpesa_service.operations.check_results import Health
from tests.approvals.support import LIMITS, decide, refund, waits
from tests.support import Service


@pytest.fixture
def service_env(service_env: dict[str, str]) -> dict[str, str]:
    return {**service_env, **LIMITS}


def test_what_waits_and_when_it_expires(service: Service) -> None:
    assert [one.health for one in approvals(service.runtime)] == [Health.GOOD]
    made = []
    for number in range(2):
        made.append(
            waits(refund(service, service.paid(f"ORDER{number}", 501, f"25471200000{number}")), "single")
        )
        [found] = approvals(service.runtime)
        assert found.health is Health.WARNING
        words = "1 action waits" if number == 0 else "2 actions wait"
        assert found.found == (
            f"{words} for a second person; the first expires at 2026-11-25T12:00:00.000+03:00"
        )
        service.clock.advance(60)
    for approval in made:
        decide(service, approval, "reject")
    assert [one.health for one in approvals(service.runtime)] == [Health.GOOD]


def test_without_a_database(service: Service, tmp_path: object) -> None:
    from dataclasses import replace

    away = replace(service.runtime, database=Database(f"sqlite:///{tmp_path}/no/database.db"))
    assert [one.health for one in approvals(away)] == [Health.SKIPPED]
