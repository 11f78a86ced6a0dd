"""What tests of payouts share: rows, batches, and a look at what is stored."""

from typing import Any

from sqlalchemy import select

from daraja_simulator.records import Payout as AtMpesa
from mpesa_service.models import Payout, PayoutBatch, PayoutEvent
from mpesa_service.payouts.send import pay_waiting
from tests.support import Service

ROW = {"type": "b2c", "phoneNumber": "0712345678", "amount": 100}
PAYBILL = {"type": "paybill", "businessNumber": "888880", "accountReference": "METER-1", "amount": 500}
TILL = {"type": "buy_goods", "businessNumber": "54321", "amount": 700}
POCHI = {"type": "b2pochi", "phoneNumber": "0722000001", "amount": 300}


def to_phones(count: int, amount: int = 100) -> list[dict[str, Any]]:
    """Return rows to that many different phones."""
    return [{**ROW, "phoneNumber": f"07{number:08}", "amount": amount} for number in range(count)]


def post(service: Service, body: Any, by: str = "amina", **headers: str) -> Any:
    """Request payouts."""
    return service.call("POST", "/payouts", body, by=by, admin=True, **headers)


def post_csv(
    service: Service,
    text: str | bytes,
    query: str = "reference=PAY-1",
    by: str = "amina",
    kind: str = "text/csv",
) -> Any:
    headers = {"Authorization": f"Bearer {service.token(by, 'admin')}", "Content-Type": kind}
    return service.app.test_client().post(f"/api/mpesa/payouts?{query}", data=text, headers=headers)


def act(service: Service, batch: str, what: str, by: str = "amina") -> Any:
    """Approve, pause, resume or stop."""
    return service.call("POST", f"/payouts/{batch}/{what}", by=by, admin=True)


def look(service: Service, path: str) -> Any:
    return service.call("GET", f"/payouts{path}", by="amina", admin=True)


def made(service: Service, *rows: Any, reference: str = "PAY-1") -> str:
    """Request a batch of these rows; return its id."""
    answer = post(service, {"reference": reference, "rows": list(rows) or [ROW]})
    assert answer.status_code in {201, 202}, answer.json
    return str(answer.json["data"]["_id"])


def counts(service: Service, batch: str) -> dict[str, int]:
    """Return how many rows of a batch are in which status, none left out but empty ones."""
    rows = look(service, f"/{batch}").json["data"]["rows"]
    return {status: share["count"] for status, share in rows.items() if share["count"]}


def batches(service: Service) -> list[PayoutBatch]:
    with service.runtime.database.read() as session:
        return list(session.scalars(select(PayoutBatch).order_by(PayoutBatch.id)))


def payouts(service: Service) -> list[Payout]:
    with service.runtime.database.read() as session:
        return list(session.scalars(select(Payout).order_by(Payout.batch_id, Payout.row_number)))


def trail(service: Service, subject: str) -> list[str]:
    """Return the causes of a batch's or a row's audit trail."""
    statement = select(PayoutEvent.cause).where(PayoutEvent.subject_id == subject)
    with service.runtime.database.read() as session:
        return list(session.scalars(statement.order_by(PayoutEvent.sequence)))


def pay(service: Service) -> int:
    """Let the job send what waits; return how much it did."""
    return pay_waiting(service.runtime)


def at_m_pesa(service: Service) -> list[AtMpesa]:
    """Return the simulator's own records of the payouts that it received, oldest first."""
    return list(service.simulator.state.commands_of(AtMpesa))


def complete(service: Service, **body: Any) -> None:
    """Let M-Pesa carry out, or refuse with `resultCode`, everything that it has queued."""
    for command in at_m_pesa(service):
        if command.state in {"queued", "timed_out"}:
            service.simulator.post(f"/simulator/commands/{command.conversation_id}/complete", body)


def script(service: Service, which: str = "b2c", **more: Any) -> None:
    service.simulator.post("/simulator/script", {"for": which, **more})
