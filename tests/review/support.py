"""Payments in review, and the decisions on them."""

from typing import Any

from mpesa_service.domain.audit import Cause
from mpesa_service.models.statements import lock_payment
from mpesa_service.payments.transitions import move_payment
from tests.support import PHONE, Service


def to_review(service: Service, checkout: str) -> str:
    with service.runtime.database.begin() as session:
        payment = lock_payment(session, service.row(checkout).id)
        move_payment(session, payment, "contradicted", Cause("test", service.clock()))
    return checkout


def resolve(service: Service, reference: str, action: str, **more: Any) -> Any:
    body = {"action": action, "reason": "seen on the statement", **more}
    return service.call("POST", f"/{reference}/resolve", body, by="amina", admin=True)


def pay_and_ask(service: Service, amount: str, **changes: str) -> str:
    """Pay from the phone without a confirmation, and let M-Pesa report its status; return the receipt."""
    body = {"msisdn": PHONE, "amount": amount, "billRefNumber": "ELSE", "shortcode": "174379", **changes}
    receipt = str(service.simulator.post("/simulator/c2b", body)["transId"])
    service.call("GET", f"/transactions/{receipt}", by="amina", admin=True)
    service.simulator.post("/simulator/clock/advance", {"seconds": 2})
    return receipt


def waiting(service: Service, **page: Any) -> list[str]:
    query = "&".join(f"{name}={value}" for name, value in page.items())
    answer = service.call("GET", f"/review?{query}", by="amina", admin=True)
    assert answer.status_code == 200
    return [payment["_id"] for payment in answer.json["data"]]
