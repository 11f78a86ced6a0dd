"""Claiming one payment for a query."""

from mpesa_service.core import daraja_limiter
from mpesa_service.models.statements import lock_payment
from mpesa_service.payments.due import claim_one
from tests.support import Service


def test_one_is_not_claimed_while_no_token_is_free(service: Service) -> None:
    payment_id, now = service.row(service.pending()).id, service.clock()
    with service.runtime.database.begin() as session:
        payment = lock_payment(session, payment_id)
        while daraja_limiter.acquire(
            session, daraja_limiter.QUERIES, service.runtime.settings.queries_per_minute, now
        ):
            pass
        assert claim_one(service.runtime, session, payment, now) is None
        assert payment.check_attempts == 0
