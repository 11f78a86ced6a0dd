"""A service with valid stored data."""

import pytest

from tests.refunds.support import complete
from tests.support import Service
from tests.verification.support import OTHER


@pytest.fixture
def books(service: Service, request: pytest.FixtureRequest) -> Service:
    """A service with one paid and partly refunded payment, one canceled and one pending; all valid."""
    paid = service.paid()
    service.refund(paid, 30, Idempotency_Key="refund")
    complete(service)
    canceled = service.pending("ORDER2", phone=OTHER)
    service.simulator.post(f"/simulator/prompts/{canceled}/cancel")
    service.initiate("ORDER3", phone="254722000002", Idempotency_Key="initiate")
    return service
