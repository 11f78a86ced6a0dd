"""The doctor's results about pulls."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.exc import SQLAlchemyError

from mpesa_service.c2b.pull import pull
from mpesa_service.core.runtime import Runtime
from mpesa_service.operations import pull_check
from mpesa_service.operations.check_results import CheckResult, Health
from tests.c2b.support import confirm
from tests.support import PHONE, Service


def only(results: Any) -> CheckResult:
    [found] = results
    return found  # type: ignore[no-any-return]


def at(runtime: Runtime, **changes: Any) -> Runtime:
    return replace(runtime, settings=replace(runtime.settings, **changes))


class TestPulls:
    @pytest.fixture
    def pulling(self, service: Service) -> Runtime:
        return at(service.runtime, mpesa_pull=True, mpesa_pull_phone=PHONE)

    def test_nothing_was_pulled_yet(self, pulling: Runtime) -> None:
        assert only(pull_check.pull_transactions(pulling)).health is Health.WARNING

    def test_a_complete_pull_and_then_a_gap(self, service: Service, pulling: Runtime) -> None:
        pull(pulling, "amina")
        assert only(pull_check.pull_transactions(pulling)).health is Health.GOOD
        service.clock.advance(72 * 3600)
        pull(pulling, "amina")
        found = list(pull_check.pull_transactions(pulling))
        assert [one.health for one in found] == [Health.GOOD, Health.WARNING]
        assert "statement" in found[1].advice

    def test_a_shortcode_that_is_not_provisioned(self, service: Service, pulling: Runtime) -> None:
        confirm(service)
        service.clock.advance(600)
        pull(pulling, "amina")
        found = only(pull_check.pull_transactions(pulling))
        assert (found.health, found.advice) == (Health.WRONG, pull_check.PULL_ADVICE)

    def test_a_database_that_does_not_answer(self, pulling: Runtime) -> None:
        def fail(*_: Any) -> Any:
            raise SQLAlchemyError

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pull_check, "list_pulls", fail)
            assert only(pull_check.pull_transactions(pulling)).health is Health.SKIPPED
