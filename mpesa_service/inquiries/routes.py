"""Routes for admins: the status of a transaction, and the account balances."""

from typing import Any

from flask import Response

from mpesa_service.core.idempotency import Answer
from mpesa_service.inquiries.balances import latest_balances
from mpesa_service.inquiries.request import (
    InquiryRecord,
    last_balance_inquiry,
    query_balance,
    transaction_status,
    wait_for,
)
from mpesa_service.inquiries.schemas import (
    BalanceQuerySchema,
    BalancesSchema,
    InquirySchema,
    WaitSchema,
    parse_receipt,
)
from mpesa_service.web.auth import current_principal
from mpesa_service.web.blueprint import Guard, blueprint, errors, guard, runtime
from mpesa_service.web.responses import respond, success

QUERIED = "M-Pesa was queried. Repeat the request for its answer."


@blueprint.get("/transactions/<receipt>")
@guard(Guard.ADMIN)
@blueprint.arguments(WaitSchema, location="query")
@blueprint.success(200, InquirySchema, description="M-Pesa's answer, or why there is none.")
@blueprint.success(202, InquirySchema, description=QUERIED)
@errors(400, 502)
def transaction(query: dict[str, Any], receipt: str) -> Response:
    """Query M-Pesa for the status of the transaction with this receipt; an answer is valid for a minute."""
    record = transaction_status(runtime(), current_principal().subject, parse_receipt(receipt))
    return respond(_answer(wait_for(runtime(), record, query["wait"])))


@blueprint.get("/balance")
@guard(Guard.ADMIN)
@blueprint.arguments(BalanceQuerySchema, location="query")
@blueprint.success(200, BalancesSchema)
@errors(400)
def balance(query: dict[str, Any]) -> Response:
    """List the last reported balance of each account, and the last inquiry."""
    found = _balances(query["history"], last_balance_inquiry(runtime()))
    return respond(success(200, "Balances found", found))


@blueprint.post("/balance")
@guard(Guard.ADMIN)
@blueprint.arguments(WaitSchema, location="query")
@blueprint.success(200, BalancesSchema, description="M-Pesa's answer.")
@blueprint.success(202, BalancesSchema, description=QUERIED)
@errors(400, 502)
def refresh_balance(query: dict[str, Any]) -> Response:
    """Query M-Pesa for the account balances; an answer is valid for a minute."""
    record = query_balance(runtime(), current_principal().subject)
    record = wait_for(runtime(), record, query["wait"])
    data = _balances(1, record)
    if record.completed_at is None:
        return respond(success(202, QUERIED, data))
    return respond(success(200, record.failure_reason or "M-Pesa answered", data))


def _answer(record: InquiryRecord) -> Answer:
    data = InquirySchema().dump(record)
    if record.completed_at is None:
        return success(202, QUERIED, data)
    return success(200, record.failure_reason or "M-Pesa answered", data)


def _balances(history: int, inquiry: InquiryRecord | None) -> dict[str, Any]:
    found = {"balances": latest_balances(runtime(), history), "inquiry": inquiry}
    return dict(BalancesSchema().dump(found))
