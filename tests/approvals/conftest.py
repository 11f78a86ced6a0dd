"""Limits that small payments reach."""

import pytest

from tests.approvals.support import LIMITS


@pytest.fixture
def service_env(service_env: dict[str, str]) -> dict[str, str]:
    return {**service_env, **LIMITS}
