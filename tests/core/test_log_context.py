"""Log lines contain the id of their payment."""

import json
import logging

from mpesa_service.core.log_context import about, current
from mpesa_service.core.log_format import RedactingFormatter
from tests.support import Service


def line(message: str, **extra: object) -> dict[str, object]:
    record = logging.makeLogRecord({"msg": message, "levelname": "INFO", **extra})
    return dict(json.loads(RedactingFormatter().format(record)))


def test_ids_nest_and_end_with_their_block() -> None:
    with about(payment_id="p1"):
        with about(refund_id="r1"):
            assert current() == {"payment_id": "p1", "refund_id": "r1"}
            assert line("paid")["refund_id"] == "r1"
        assert current() == {"payment_id": "p1"}
    assert "payment_id" not in line("paid")


def test_a_lines_own_id_wins() -> None:
    with about(payment_id="p1"):
        assert line("paid", payment_id="p2")["payment_id"] == "p2"


def test_every_daraja_call_names_its_payment(service: Service, caplog) -> None:
    seen = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append((record.operation, current().get("payment_id"), current().get("refund_id")))

    handler = Handler()
    logger = logging.getLogger("mpesa_service.daraja")
    logger.addHandler(handler)
    try:
        checkout = service.paid()
        service.refund(checkout)
    finally:
        logger.removeHandler(handler)
    payment, [refund] = service.row(checkout).id, service.refunds()
    assert ("stk_push", payment, None) in seen
    assert ("b2c_payment", payment, refund.id) in seen
