"""Equal refunds that people request at the same moment: one of them is refused, by the payment's lock."""

from concurrent.futures import ThreadPoolExecutor

from mpesa_service.core.idempotency import Answer
from mpesa_service.domain.principal import ADMIN, Principal
from mpesa_service.errors import Conflict
from mpesa_service.refunds.request import RefundStarted, refund
from mpesa_service.refunds.stated_phone import RefundRequest
from tests.support import Service

BOSS = Principal("boss", frozenset({ADMIN}))


def test_one_of_two_at_once_is_refused(service: Service) -> None:
    service.paid()
    payment = service.payments()[0].id

    def once(_: int) -> str:
        request = RefundRequest(40, reason="paid too much", refuse_repeated=True)
        try:
            return refund(service.runtime, BOSS, payment, request, _status).body.decode()
        except Conflict as error:
            return error.code

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(once, range(2))) == ["pending", "refund_repeated"]
    assert len(service.refunds()) == 1


def _status(started: RefundStarted) -> Answer:
    return Answer(200, started.refund.status.encode())
