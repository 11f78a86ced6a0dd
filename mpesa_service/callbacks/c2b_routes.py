"""The addresses for validations and confirmations of C2B payments.

This is a separate blueprint, because Safaricom does not register an address with certain words in it, `mpesa`
among them. A caller who does not know the secret in the address gets 404, and nothing is stored. The address
with slashes at its end is the same address.
"""

from flask import Response

from mpesa_service.c2b.known_secrets import check_secret, note_confirmation
from mpesa_service.c2b.schemas import ValidationAnswerSchema
from mpesa_service.c2b.validation import check_in_time, validate
from mpesa_service.callbacks.routes import CallbackAnswerSchema, posted, reports_large_bodies, take
from mpesa_service.core.idempotency import Answer
from mpesa_service.domain.callbacks import CallbackKind
from mpesa_service.web.blueprint import Guard, StrictBlueprint, errors, guard, runtime
from mpesa_service.web.responses import respond

c2b_blueprint = StrictBlueprint("c2b", __name__, url_prefix="/c2b")


@c2b_blueprint.post("/<secret>/confirmation", strict_slashes=False)
@guard(Guard.PUBLIC)
@c2b_blueprint.response(200, CallbackAnswerSchema)
@errors(404, 413, 503)
@reports_large_bodies(CallbackKind.C2B_CONFIRMATION)
def confirmation(secret: str) -> Response:
    """Receive the confirmation that money arrived; it becomes a payment, or confirms one."""
    known = check_secret(runtime(), secret)
    post = posted(CallbackKind.C2B_CONFIRMATION, None)
    answer = take(post)
    note_confirmation(runtime(), known, post.body)
    return answer


@c2b_blueprint.post("/<secret>/validation", strict_slashes=False)
@guard(Guard.PUBLIC)
@c2b_blueprint.response(200, ValidationAnswerSchema)
@errors(404, 413, 503)
@reports_large_bodies(CallbackKind.C2B_VALIDATION)
def validation(secret: str) -> Response:
    """Say whether a payment may be made, within the few seconds that M-Pesa waits."""
    check_in_time(runtime(), secret)
    judgment = validate(runtime(), posted(CallbackKind.C2B_VALIDATION, None))
    return respond(Answer(200, ValidationAnswerSchema().dumps(judgment).encode()))
