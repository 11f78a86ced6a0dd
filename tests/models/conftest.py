"""A payment p1 for each body of `commit`."""

from collections.abc import Iterator

import pytest

from mpesa_service.core.database import Database
from tests.support.plans import BODIES, Body, set_up


@pytest.fixture(params=BODIES)
def body(request: pytest.FixtureRequest) -> Iterator[Body]:
    """Every body of `commit`, with a payment p1 to change."""
    url = request.getfixturevalue("sqlite_url" if request.param.startswith("sqlite") else "postgres_url")
    database = Database(url)
    set_up(database)
    yield Body(database, request.param)
    database.dispose()
