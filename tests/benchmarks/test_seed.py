"""The rows that the benchmark inserts are like those of the service."""

import json
from typing import Any

from benchmarks import seed
from benchmarks.service import SHOP
from mpesa_service.core.encryption import Encryption
from mpesa_service.daraja import parse_stk_callback, whole_shillings
from mpesa_service.models import Payment
from tests.support import ENCRYPTION_KEY, SECRET, Service


def test_new_payments_differ_in_every_unique_value() -> None:
    pending = seed.new_pending(200)
    for field in ("payment_id", "checkout_id", "merchant_id", "token", "phone", "receipt"):
        assert len({getattr(one, field) for one in pending}) == 200


def test_their_callbacks_are_those_of_m_pesa() -> None:
    [one] = seed.new_pending(1)
    read = parse_stk_callback(json.dumps(one.callback()).encode())
    assert (read.checkout_request_id, read.merchant_request_id) == (one.checkout_id, one.merchant_id)
    assert (read.receipt, read.phone) == (one.receipt, one.phone)
    assert whole_shillings(read.amount) == seed.AMOUNT


def test_callbacks_settle_them(service: Service) -> None:
    pending = seed.new_pending(3)
    encryption = Encryption([ENCRYPTION_KEY], SECRET)
    with service.runtime.database.begin() as session:
        rows: list[dict[str, Any]] = [
            seed.as_attributes(seed.pending_row(encryption, one)) for one in pending
        ]
        session.add_all(Payment(**row) for row in rows)
    for one in pending:
        answer = service.call("POST", f"/callback/{one.token}", one.callback(), by=None)
        assert answer.status_code == 200
        found = service.call("GET", f"/query/{one.payment_id}", by=SHOP).json["data"]
        assert (found["status"], found["mpesaReceiptNumber"]) == ("succeeded", one.receipt)
