"""Fixtures for tests of outgoing events."""

import pytest

from tests.support import Service


@pytest.fixture
def payment(service: Service) -> str:
    """The id of a payment that waits for its customer."""
    return service.row(service.pending()).id
