"""What tests of C2B payments share: M-Pesa's body, and posting it."""

import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import requests
from sqlalchemy import select

from mpesa_service.c2b.address_secrets import secret_to_register
from mpesa_service.c2b.registration import C2bAddresses, addresses_of
from mpesa_service.c2b.retry_matching import match_due
from mpesa_service.models import C2bConfirmation, ExpectedOrder, Payment
from mpesa_service.verification.payments import verify
from tests.support import Service

RECEIPT = "RKL51ZDR4F"
MASKED = "2547 ***** 678"
"""PHONE as version 2 masks it."""
SHORTCODE = "174379"


def stamp(moment: datetime) -> str:
    return moment.astimezone(ZoneInfo("Africa/Nairobi")).strftime("%Y%m%d%H%M%S")


def c2b_body(service: Service, **changes: Any) -> dict[str, Any]:
    """Return what M-Pesa posts of a payment of 100 shillings to ORDER1, changed; None leaves a field out."""
    body = {
        "TransactionType": "Pay Bill",
        "TransID": RECEIPT,
        "TransTime": stamp(service.clock()),
        "TransAmount": "100.00",
        "BusinessShortCode": SHORTCODE,
        "BillRefNumber": "ORDER1",
        "InvoiceNumber": "",
        "OrgAccountBalance": "2500.00",
        "ThirdPartyTransID": "",
        "MSISDN": MASKED,
        "FirstName": "NICHOLAS",
        "MiddleName": "",
        "LastName": "",
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


def c2b_addresses(service: Service) -> C2bAddresses:
    """Return the addresses that the service registers at Daraja."""
    return addresses_of(service.runtime, secret_to_register(service.runtime, "test"))


def post_c2b(service: Service, body: Any, what: str = "confirmation") -> requests.Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    url = getattr(c2b_addresses(service), what)
    return requests.post(url, data=data, headers={"Content-Type": "application/json"}, timeout=30)


def confirm(service: Service, **changes: Any) -> None:
    """Post a confirmation of money that arrived."""
    answer = post_c2b(service, c2b_body(service, **changes))
    assert (answer.status_code, answer.json()) == (200, {"ResultCode": 0, "ResultDesc": "Success"})


def look(service: Service, seconds: float = 60) -> None:
    """Let so much time pass, and look again at what waits."""
    service.clock.advance(seconds)
    match_due(service.runtime)


def confirmations(service: Service) -> list[C2bConfirmation]:
    with service.runtime.database.read() as session:
        return list(session.scalars(select(C2bConfirmation).order_by(C2bConfirmation.id)))


def expect_order(service: Service, reference: str = "ORDER1", amount: int = 100, **more: Any) -> Any:
    """Register an order; return its record."""
    expires_at = more.pop("expires_in", None)
    body = {"orderId": reference, "amount": amount, **more}
    if expires_at is not None:
        body["expiresAt"] = (service.clock() + timedelta(seconds=expires_at)).isoformat()
    answer = service.call("POST", "/orders", body)
    assert answer.status_code in {200, 201}, answer.json
    return answer.json["data"]


def order_row(service: Service, reference: str = "ORDER1") -> ExpectedOrder:
    with service.runtime.database.read() as session:
        return session.scalars(select(ExpectedOrder).where(ExpectedOrder.reference == reference)).one()


def causes(service: Service, payment: Payment) -> list[str]:
    return [event.cause for event in service.events(payment.id)]


def assert_books_are_right(service: Service, *, besides: str = "") -> None:
    """Verify the record. A violation of the rule `besides` is allowed."""
    assert [one for one in verify(service.runtime) if one.invariant != besides] == []
