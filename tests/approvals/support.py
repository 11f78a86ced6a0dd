"""What tests of approvals share: small limits, requests, decisions, and a look at what is stored."""

from typing import Any

from sqlalchemy import select

from mpesa_service.models import Approval, CountedOutflow, OutgoingEvent
from tests.support import Service

LIMITS = {
    "APPROVAL_SINGLE": "500",
    "APPROVAL_PER_MAKER_DAY": "1000",
    "APPROVAL_PER_PAYEE_DAY": "600",
}
OTHER_PHONE = "254722000001"


def refund(
    service: Service, reference: str, amount: int | None = None, by: str = "amina", **more: Any
) -> Any:
    headers = more.pop("headers", {})
    body = {**more} if amount is None else {"amount": amount, **more}
    return service.call("POST", f"/{reference}/refund", body, by=by, admin=True, **headers)


def waits(answer: Any, *limits: str) -> str:
    """Check that an action waits because of these limits; return the id of the approval."""
    assert answer.status_code == 202, answer.json
    approval = answer.json["data"]["approval"]
    assert (approval["status"], approval["limits"]) == ("waiting", list(limits))
    return str(approval["_id"])


def decide(
    service: Service, approval: str, what: str = "approve", by: str = "otieno", why: str = "I checked"
) -> Any:
    return service.call("POST", f"/approvals/{approval}/{what}", {"reason": why}, by=by, admin=True)


def listed(service: Service, query: str = "") -> list[dict[str, Any]]:
    answer = service.call("GET", f"/approvals{query}", by="otieno", admin=True)
    assert answer.status_code == 200, answer.json
    return list(answer.json["data"])


def approval_row(service: Service, approval: str) -> Approval:
    with service.runtime.database.read() as session:
        return session.get_one(Approval, approval)


def approval_events(service: Service, approval: str) -> list[str]:
    statement = select(OutgoingEvent.type).where(OutgoingEvent.subject_id == approval)
    with service.runtime.database.read() as session:
        return list(session.scalars(statement.order_by(OutgoingEvent.sequence)))


def counted(service: Service) -> list[CountedOutflow]:
    with service.runtime.database.read() as session:
        return list(session.scalars(select(CountedOutflow).order_by(CountedOutflow.id)))
