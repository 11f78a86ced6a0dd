"""Payments, payouts and unmatched money that need a decision, and the decisions."""

from typing import Any

from flask import Response, request

from mpesa_service.core.idempotency import MOVE, Answer, KeyedRequest
from mpesa_service.outflow.records import ApprovalRecord
from mpesa_service.outflow.schemas import WAITS, WaitingSchema, waiting_answer
from mpesa_service.payments.schemas import PaymentSchema
from mpesa_service.payouts.schemas import PayoutSchema
from mpesa_service.refunds.routes import UNKNOWN_OR_WAITING, refund_answer
from mpesa_service.refunds.schemas import RefundedSchema
from mpesa_service.review.decision import OperatorDecision, Resolution
from mpesa_service.review.moves import Moved, MoveRequest, move
from mpesa_service.review.payments import list_review, resolve
from mpesa_service.review.payouts import list_payouts_in_review, resolve_payout
from mpesa_service.review.schemas import (
    CloseSchema,
    FractionalSchema,
    MatchSchema,
    MoveSchema,
    ResolvePaymentSchema,
    ResolveSchema,
    ReturnSchema,
    ReviewedPaymentSchema,
    ReviewQuerySchema,
    UnmatchedQuerySchema,
    UnmatchedSchema,
)
from mpesa_service.review.unmatched import close, list_unmatched, match, return_money
from mpesa_service.web.auth import current_principal
from mpesa_service.web.blueprint import Guard, blueprint, errors, guard, limited_refunds, runtime
from mpesa_service.web.parsing import idempotency_key
from mpesa_service.web.responses import respond, success


@blueprint.get("/review")
@guard(Guard.ADMIN)
@blueprint.arguments(ReviewQuerySchema, location="query")
@blueprint.success(200, ReviewedPaymentSchema, many=True)
@errors(400)
def review(page: dict[str, Any]) -> Response:
    """List payments in review, or with a refund in review, oldest first."""
    found = list_review(runtime(), page["limit"], page["after"])
    return respond(success(200, f"{len(found)} waiting", ReviewedPaymentSchema(many=True).dump(found)))


@blueprint.post("/<reference>/resolve")
@guard(Guard.ADMIN)
@blueprint.arguments(ResolvePaymentSchema)
@blueprint.success(200, PaymentSchema)
@blueprint.success(202, WaitingSchema, description=WAITS)
@errors(400, 404, 409, 413, 415)
def resolve_payment(body: dict[str, Any], reference: str) -> Response:
    """Settle or fail a payment in review, or its refunds in review, with a reason."""
    decision = OperatorDecision(
        Resolution(body["action"]), body["reason"], body["receipt"], body.get("amount")
    )
    record = resolve(runtime(), current_principal(), reference, decision)
    if isinstance(record, ApprovalRecord):
        return respond(waiting_answer(record))
    return respond(success(200, "Resolved", PaymentSchema().dump(record)))


@blueprint.post("/<reference>/move")
@guard(Guard.ADMIN)
@blueprint.arguments(MoveSchema)
@blueprint.success(200, PaymentSchema)
@blueprint.success(202, WaitingSchema, description=WAITS)
@errors(400, 404, 409, 413, 415, 422)
def move_payment(body: dict[str, Any], reference: str) -> Response:
    """Move a paid payment to another expected order, or back to unmatched money, with a reason."""
    principal, key = current_principal(), idempotency_key(request)
    keyed_body = {"reference": reference, **body}
    keyed = KeyedRequest.of(principal.subject, MOVE, key, keyed_body) if key else None
    wanted = MoveRequest(body["order_id"], body["reason"])
    return respond(move(runtime(), principal, reference, wanted, _moved, keyed))


def _moved(outcome: Moved | ApprovalRecord) -> Answer:
    if isinstance(outcome, ApprovalRecord):
        return waiting_answer(outcome)
    return success(200, outcome.sentence, PaymentSchema().dump(outcome.payment))


@blueprint.get("/payouts/review")
@guard(Guard.ADMIN)
@blueprint.arguments(ReviewQuerySchema, location="query")
@blueprint.success(200, PayoutSchema, many=True)
@errors(400)
def payouts_in_review(page: dict[str, Any]) -> Response:
    """List payouts in review, of all batches, oldest first."""
    found = list_payouts_in_review(runtime(), page["limit"], page["after"])
    return respond(success(200, f"{len(found)} waiting", PayoutSchema(many=True).dump(found)))


@blueprint.post("/payouts/rows/<payout_id>/resolve")
@guard(Guard.ADMIN)
@blueprint.arguments(ResolveSchema)
@blueprint.success(200, PayoutSchema)
@blueprint.success(202, WaitingSchema, description=WAITS)
@errors(400, 404, 409, 413, 415)
def resolve_payout_row(body: dict[str, Any], payout_id: str) -> Response:
    """Settle or fail a payout in review, with a reason."""
    decision = OperatorDecision(Resolution(body["action"]), body["reason"], body["receipt"])
    record = resolve_payout(runtime(), current_principal(), payout_id, decision)
    if isinstance(record, ApprovalRecord):
        return respond(waiting_answer(record))
    return respond(success(200, "Resolved", PayoutSchema().dump(record)))


@blueprint.get("/unmatched")
@guard(Guard.ADMIN)
@blueprint.arguments(UnmatchedQuerySchema, location="query")
@blueprint.success(200, UnmatchedSchema, many=True)
@errors(400)
def unmatched(page: dict[str, Any]) -> Response:
    """List money that matches no order, oldest first, with the orders that it may be meant for.

    The list also contains fractional amounts, which are no payments.
    """
    found = list_unmatched(runtime(), page["limit"], page["after"])
    return respond(success(200, f"{len(found)} unmatched", UnmatchedSchema(many=True).dump(found)))


@blueprint.post("/unmatched/<reference>/match")
@guard(Guard.ADMIN)
@blueprint.arguments(MatchSchema)
@blueprint.success(200, PaymentSchema)
@errors(400, 404, 409, 413, 415)
def match_unmatched(body: dict[str, Any], reference: str) -> Response:
    """Assign money that matches no order to an expected order, with a reason."""
    record = match(runtime(), current_principal(), reference, body["order_id"], body["reason"])
    return respond(success(200, "Matched", PaymentSchema().dump(record)))


@blueprint.post("/unmatched/<reference>/return")
@guard(Guard.ADMIN, limited_refunds)
@blueprint.arguments(ReturnSchema)
@blueprint.success(200, RefundedSchema, description="M-Pesa accepted the reversal.")
@blueprint.success(202, RefundedSchema, WaitingSchema, description=UNKNOWN_OR_WAITING)
@errors(400, 404, 409, 413, 415, 502)
def return_unmatched(body: dict[str, Any], reference: str) -> Response:
    """Return money that matches no order: to its payer by reversal, or to a number that an admin states."""
    answer = return_money(
        runtime(),
        current_principal(),
        reference,
        body["reason"],
        refund_answer,
        body.get("phone_number"),
        confirm_different_payer=body.get("confirm_different_payer", False),
    )
    return respond(answer)


@blueprint.post("/unmatched/<reference>/close")
@guard(Guard.ADMIN)
@blueprint.arguments(CloseSchema)
@blueprint.success(200, FractionalSchema)
@errors(400, 404, 409, 413, 415)
def close_unmatched(body: dict[str, Any], reference: str) -> Response:
    """Remove a fractional amount from the list after the money was returned by hand, with a reason."""
    record = close(runtime(), current_principal(), reference, body["reason"])
    return respond(success(200, "Closed", FractionalSchema().dump(record)))
