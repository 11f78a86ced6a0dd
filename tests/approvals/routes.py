"""Every route by which money leaves, or by which a person reports money as received, for the table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mpesa_service.domain.outflow import OutflowKind
from tests.approvals.support import refund
from tests.approvals.test_returns import arrived, send_back
from tests.orders.support import add_order
from tests.payouts.support import ROW, at_m_pesa, batches, pay, payouts, post
from tests.payouts.test_command import post_result
from tests.refunds.support import complete
from tests.review.support import to_review
from tests.support import PHONE, Service

LARGE, SMALL = 550, 50
"""Above and below APPROVAL_SINGLE of these tests. PHONE may get 600 in a day."""


@dataclass(frozen=True)
class Route:
    """One route: what exists before (`prepare`), its request, and whether it was carried out (`done`)."""

    kind: OutflowKind
    prepare: Callable[[Service, int], str]
    request: Callable[[Service, str, int, str], Any]
    done: Callable[[Service, str], bool]
    to_phone: bool = True
    """Whether PHONE is its payee."""


def _paid(service: Service, amount: int) -> str:
    return service.paid("ORDER9", amount)


def _in_review(service: Service, amount: int) -> str:
    return to_review(service, service.paid("ORDER9", amount))


def _resolve(service: Service, path: str, by: str, action: str = "settle") -> Any:
    body = {"action": action, "reason": "on the statement"}
    return service.call("POST", f"{path}/resolve", body, by=by, admin=True)


def _refund_in_review(service: Service, amount: int) -> str:
    """Let a third person refund in parts, and let M-Pesa's results be unclear."""
    checkout = service.paid("ORDER9", amount)
    row = service.row(checkout)
    for part in (amount // 2, amount - amount // 2):
        assert refund(service, checkout, part, by="third").status_code == 200
        complete(service, resultCode=31337)
        service.clock.advance(1)  # ids sort by time
    assert {one.status for one in service.refunds() if one.payment_id == row.id} == {"review"}
    return checkout


def _batch(service: Service, amount: int, by: str, reference: str = "PAY-9") -> Any:
    return post(service, {"reference": reference, **ROW, "amount": amount}, by=by)


def _payout_in_review(service: Service, amount: int) -> str:
    service.call(
        "POST", f"/payouts/{_batch(service, amount, 'third').json['data']['_id']}/approve", by="x", admin=True
    )
    pay(service)
    post_result(service, len(at_m_pesa(service)) - 1, ResultCode="31337")
    return next(row.id for row in payouts(service) if row.status == "review")


def _matched(service: Service, amount: int) -> str:
    add_order(service, "ORDER8", amount)
    add_order(service, "ORDER9", amount)
    return arrived(service, amount, "ORDER8")


def _move(service: Service, payment: str, by: str) -> Any:
    return service.call(
        "POST", f"/{payment}/move", {"orderId": "ORDER9", "reason": "he typed it"}, by=by, admin=True
    )


def _refunded(service: Service, reference: str) -> bool:
    payment = service.row(reference)
    return any(row.payment_id == payment.id and row.requested_by != "third" for row in service.refunds())


ROUTES = (
    Route(OutflowKind.REFUND, _paid, lambda s, one, n, by: refund(s, one, n, by), _refunded),
    Route(
        OutflowKind.REVERSAL,
        _paid,
        lambda s, one, n, by: refund(s, one, None, by, method="reversal"),
        _refunded,
    ),
    Route(
        OutflowKind.RETURN,
        arrived,
        lambda s, one, n, by: send_back(s, one, by=by, phoneNumber=PHONE),
        _refunded,
    ),
    Route(
        OutflowKind.PAYOUT,
        lambda s, n: "",
        lambda s, _, n, by: _batch(s, n, by),
        lambda s, _: any(batch.status == "running" for batch in batches(s) if batch.reference == "PAY-9"),
    ),
    Route(
        OutflowKind.SETTLE_PAYMENT,
        _in_review,
        lambda s, one, n, by: _resolve(s, f"/{one}", by),
        lambda s, one: s.payment(one)["status"] == "succeeded",
    ),
    Route(
        OutflowKind.RESOLVE_REFUND,
        _refund_in_review,
        lambda s, one, n, by: _resolve(s, f"/{one}", by, "fail"),
        lambda s, one: "review" not in {row.status for row in s.refunds()},
        to_phone=False,  # its own refunds are counted for PHONE already
    ),
    Route(
        OutflowKind.RESOLVE_PAYOUT,
        _payout_in_review,
        lambda s, one, n, by: _resolve(s, f"/payouts/rows/{one}", by, "fail"),
        lambda s, one: "review" not in {row.status for row in payouts(s)},
        to_phone=False,
    ),
    Route(
        OutflowKind.MOVE,
        _matched,
        lambda s, one, n, by: _move(s, one, by),
        lambda s, one: s.row(one).order_id == "ORDER9",
        to_phone=False,
    ),
)
