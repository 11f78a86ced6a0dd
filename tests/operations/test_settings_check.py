"""The doctor repeats the rules of the start, and warns of a certificate past its end."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from mpesa_service.config import RULES
from mpesa_service.core.runtime import Runtime
from mpesa_service.operations.check_results import CheckResult, Health
from mpesa_service.operations.settings_check import CERTIFICATE, SETTINGS, settings
from tests.config.test_certificates import certificate
from tests.support import Service


def changed(runtime: Runtime, **changes: Any) -> list[CheckResult]:
    return list(settings(replace(runtime, settings=replace(runtime.settings, **changes))))


def test_all_rules_hold(service: Service) -> None:
    [found] = settings(service.runtime)
    assert (found.health, found.check) == (Health.GOOD, SETTINGS)
    assert found.found == f"all rules hold: {', '.join(RULES)}"


def test_each_problem_is_named(service: Service) -> None:
    found = changed(service.runtime, mpesa_shortcode="1", celery_broker_url="rabbit")
    assert [one.health for one in found] == [Health.WRONG, Health.WRONG]
    assert found[0].found == "MPESA_SHORTCODE must have 5 to 7 digits."
    assert found[1].found.startswith("CELERY_BROKER_URL must be like")


def test_a_certificate_past_its_end_is_a_warning(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "old.cer"
    path.write_bytes(certificate(end=datetime(2019, 5, 1, tzinfo=UTC)).public_bytes(Encoding.PEM))
    changes = {"mpesa_environment": "sandbox", "mpesa_certificate_path": str(path)}
    *_, found = changed(service.runtime, **changes)
    assert (found.health, found.check) == (Health.WARNING, CERTIFICATE)
    assert found.found.endswith("is valid from 2018-05-01 to 2019-05-01")
