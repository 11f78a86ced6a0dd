"""Each discrepancy is published once, and counted while it waits."""

import json
from pathlib import Path
from typing import Any

from sqlalchemy import select

from mpesa_service.models import OutgoingEvent
from mpesa_service.verification.common import Tally
from mpesa_service.verification.payments import verify
from tests.c2b.support import confirm, expect_order
from tests.refunds.support import complete
from tests.review.test_discrepancies import close, look
from tests.statements.test_applying import applied, apply_rows
from tests.statements.test_contradicted import line
from tests.support import Service


def published(service: Service) -> list[dict[str, Any]]:
    with service.runtime.database.read() as session:
        statement = select(OutgoingEvent).where(OutgoingEvent.type == "discrepancy.opened")
        return [dict(json.loads(one.payload)["data"]) for one in session.scalars(statement)]


def counted(service: Service) -> int:
    tally = Tally()
    assert list(verify(service.runtime, tally)) == []
    return tally.counts["discrepancies"]


def test_a_line_of_a_statement(service: Service, tmp_path: Path) -> None:
    checkout = service.paid()
    service.refund(checkout, 60)
    complete(service, resultCode=1)
    record = apply_rows(service, tmp_path, [line("UK1PAIDOUT", "-60.00")])
    applied(service, record)
    [one], [event] = look(service), published(service)
    assert event == {
        "_id": one["_id"],
        "sequence": 1,
        "kind": "payout",
        "mpesaReceiptNumber": "UK1PAIDOUT",
        "amount": "-60.00",
        "currency": "kes",
        "resourceId": service.refunds()[0].id,
        "statementId": record.id,
        "row": one["row"],
        "sentence": "Needs manual review: a payout that this service does not know.",
    }
    assert counted(service) == 1
    close(service, one["_id"])
    applied(service, record)
    assert (counted(service), len(published(service))) == (0, 1)


def test_another_account(service: Service) -> None:
    expect_order(service)
    confirm(service)
    for _ in range(2):
        confirm(service, BillRefNumber="ORDER2")
    [one], [event] = look(service), published(service)
    assert (event["_id"], event["kind"], event["statementId"]) == (one["_id"], "account", None)
    assert "ORDER2" not in str(event)
    assert counted(service) == 1
