"""Routes for admins: the rules that accept or refuse C2B payments, and the registration of addresses."""

from typing import Any

from flask import Response, request

from mpesa_service.c2b.pull_records import list_pulls
from mpesa_service.c2b.receipts import book_receipt
from mpesa_service.c2b.registration import register
from mpesa_service.c2b.schemas import (
    PullSchema,
    PullsQuerySchema,
    RegisterSchema,
    RegistrationSchema,
    RulesSchema,
)
from mpesa_service.c2b.validation_rules import RuleChange, change_rules, show_rules
from mpesa_service.core.idempotency import BOOK_RECEIPT, Answer, KeyedRequest
from mpesa_service.domain.counting import counted
from mpesa_service.inquiries.request import InquiryRecord
from mpesa_service.inquiries.schemas import InquirySchema, parse_receipt
from mpesa_service.web.auth import current_principal
from mpesa_service.web.blueprint import Guard, blueprint, errors, guard, runtime
from mpesa_service.web.parsing import idempotency_key
from mpesa_service.web.responses import respond, success


@blueprint.get("/c2b/rules")
@guard(Guard.ADMIN)
@blueprint.success(200, RulesSchema)
def c2b_rules() -> Response:
    """Show the rules of the shortcode."""
    return respond(success(200, "Rules found", RulesSchema().dump(show_rules(runtime()))))


@blueprint.put("/c2b/rules")
@guard(Guard.ADMIN)
@blueprint.arguments(RulesSchema)
@blueprint.success(200, RulesSchema)
@errors(400, 413, 415)
def set_c2b_rules(body: dict[str, Any]) -> Response:
    """Set the rules of the shortcode; they apply from the next payment on."""
    record = change_rules(runtime(), current_principal(), RuleChange(**body))
    return respond(success(200, "Rules set", RulesSchema().dump(record)))


@blueprint.get("/pulls")
@guard(Guard.ADMIN)
@blueprint.arguments(PullsQuerySchema, location="query")
@blueprint.success(200, PullSchema, many=True)
@errors(400)
def pulls(query: dict[str, Any]) -> Response:
    """List the pulls of received money and their outcomes, newest first."""
    found = list_pulls(runtime(), query["limit"], query["shortcode"])
    return respond(success(200, counted(len(found), "pull"), PullSchema(many=True).dump(found)))


@blueprint.post("/receipts/<receipt>/book")
@guard(Guard.ADMIN)
@blueprint.success(200, InquirySchema, description="M-Pesa has answered: see `booking`.")
@blueprint.success(202, InquirySchema, description="M-Pesa was queried. Its answer is booked later.")
@errors(400, 409, 422, 502)
def book_one_receipt(receipt: str) -> Response:
    """Query M-Pesa about a receipt, and book exactly what it says, once."""
    principal, key, receipt = current_principal(), idempotency_key(request), parse_receipt(receipt)
    keyed = KeyedRequest.of(principal.subject, BOOK_RECEIPT, key, {"receipt": receipt}) if key else None
    return respond(book_receipt(runtime(), principal.subject, receipt, _booked, keyed))


def _booked(record: InquiryRecord) -> Answer:
    data = InquirySchema().dump(record)
    if record.completed_at is None:
        return success(202, "M-Pesa was queried. Its answer is booked when it arrives.", data)
    return success(200, record.booking_reason or "M-Pesa answered", data)


@blueprint.post("/c2b/register")
@guard(Guard.ADMIN)
@blueprint.arguments(RegisterSchema, required=False)
@blueprint.success(200, RegistrationSchema)
@errors(400, 409, 413, 415, 502)
def register_c2b(body: dict[str, Any]) -> Response:
    """Register the validation and confirmation addresses for C2B payments."""
    found = register(runtime(), current_principal().subject, body["response_type"])
    return respond(success(200, "Registered", RegistrationSchema().dump(found)))
