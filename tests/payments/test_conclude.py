"""The answer of a started payment: the first one that is stored under the key wins."""

from sqlalchemy import select

from mpesa_service.core.idempotency import Answer, KeyedRequest
from mpesa_service.models import IdempotencyKey
from mpesa_service.payments.conclude import Conclusion, Initiated
from tests.support import Service


def render(outcome: Initiated) -> Answer:
    return Answer(201, str(len(outcome.payment.refunds)).encode())


def test_an_answer_that_is_stored_already_is_returned(service: Service) -> None:
    answer = service.initiate(Idempotency_Key="key-12345678")
    with service.runtime.database.read() as session:
        [row] = session.scalars(select(IdempotencyKey)).all()
    request = KeyedRequest(row.caller, row.operation, row.key, row.request_hash)
    kept = Conclusion(service.runtime, None, request, render).store(row.resource_id)
    assert (kept.status, kept.body, kept.replayed) == (201, answer.data, True)


def test_an_answer_shows_the_refunds_that_there_are(service: Service) -> None:
    checkout = service.paid()
    assert service.refund(checkout, 10).status_code == 200
    payment_id = service.row(checkout).id
    assert Conclusion(service.runtime, None, None, render).store(payment_id).body == b"1"
