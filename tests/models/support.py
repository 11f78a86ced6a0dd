"""Which bodies of `commit` a test is about."""

import pytest

from tests.support.plans import Body


def not_in_batches(body: Body) -> None:
    if body.name == "batch":
        pytest.skip("PostgreSQL writes such a plan alone")
