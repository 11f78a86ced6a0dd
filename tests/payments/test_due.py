"""Taking one payment to be asked about."""

from mpesa_service.core import token_bucket
from mpesa_service.models.statements import lock_payment
from mpesa_service.payments.due import claim_one
from tests.support import Service


def test_one_is_not_taken_while_the_pace_has_no_turn(service: Service) -> None:
    payment_id, now = service.row(service.pending()).id, service.clock()
    with service.runtime.database.begin() as session:
        payment = lock_payment(session, payment_id)
        while token_bucket.take(
            session, token_bucket.QUERIES, service.runtime.settings.queries_per_minute, now
        ):
            pass
        assert claim_one(service.runtime, session, payment, now) is None
        assert payment.check_attempts == 0
