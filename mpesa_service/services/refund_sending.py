"""Sending a committed refund to M-Pesa, the first time or again, and what the answer means.

A refund's addresses are derived from its id with the service's own key, so that it can be sent again
word for word: Daraja (v3) takes one OriginatorConversationID once, and calls the second a duplicate.
"""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from mpesa_service.daraja import (
    B2cPayment,
    CommandAccepted,
    DarajaError,
    Duplicate,
    OutcomeUnknown,
)
from mpesa_service.domain.decisions import Evidence
from mpesa_service.domain.schedule import REFUND_ASK_AFTER, next_ask
from mpesa_service.errors import ServiceError
from mpesa_service.log_context import about
from mpesa_service.models import Payment, Refund
from mpesa_service.services.provider_errors import failure_of, refusal_for_caller
from mpesa_service.services.runtime import Runtime
from mpesa_service.services.states import MPESA, Cause, hold, move_refund
from mpesa_service.services.vault import Vault, token_hash

REMARKS = "Refund"


@dataclass(frozen=True)
class Tokens:
    """The unguessable path segments of one refund's addresses."""

    result: str
    timeout: str
    status: str

    def hashes(self) -> dict[str, str]:
        """Return what the refund's row keeps of them."""
        return {
            "result_token_hash": token_hash(self.result),
            "timeout_token_hash": token_hash(self.timeout),
            "status_token_hash": token_hash(self.status),
        }


def tokens_of(vault: Vault, refund_id: str) -> Tokens:
    """Return the tokens of a refund: always the same, and not to be guessed without the hash key."""
    return Tokens(*(vault.fingerprint(f"refund {use}", refund_id) for use in ("result", "timeout", "status")))


@dataclass(frozen=True)
class Intent:
    """A committed refund, ready to be sent."""

    payment_id: str
    refund_id: str
    amount: int
    phone: str
    originator_conversation_id: str


def intent_of(runtime: Runtime, row: Refund) -> Intent:
    return Intent(
        row.payment_id,
        row.id,
        row.amount,
        runtime.vault.decrypt(row.phone_encrypted or b""),
        row.originator_conversation_id,
    )


def send(runtime: Runtime, intent: Intent) -> CommandAccepted | DarajaError:
    """Send a refund, with no transaction open; the error, if any, is returned."""
    base = runtime.settings.callback_url
    tokens = tokens_of(runtime.vault, intent.refund_id)
    message = B2cPayment(
        originator_conversation_id=intent.originator_conversation_id,
        amount=intent.amount,
        msisdn=intent.phone,
        remarks=REMARKS,
        occasion=intent.refund_id,
        result_url=f"{base}/b2c/result/{tokens.result}",
        timeout_url=f"{base}/b2c/timeout/{tokens.timeout}",
    )
    with about(payment_id=intent.payment_id, refund_id=intent.refund_id):
        try:
            return runtime.daraja.b2c_payment(message)
        except DarajaError as error:
            return error


def record_outcome(
    runtime: Runtime,
    session: Session,
    payment: Payment,
    row: Refund,
    sent: CommandAccepted | DarajaError,
) -> ServiceError | None:
    """Record the answer to the first send of a locked refund; return the caller's error, if any."""
    now = runtime.clock()
    # "Duplicate" means that an earlier send of the same id was accepted.
    if isinstance(sent, CommandAccepted | Duplicate):
        move_refund(session, payment, row, "refund_accepted", Cause(MPESA, now, Evidence.PUSH))
        row.ask_at = next_ask(REFUND_ASK_AFTER, now, 0, now, runtime.jitter())
        return None
    failure = failure_of(sent)
    row.result_code, row.result_desc = failure.code, failure.description
    cause = Cause(MPESA, now, Evidence.PUSH, {"error": failure.description})
    if isinstance(sent, OutcomeUnknown):
        move_refund(session, payment, row, "refund_unanswered", cause)
        row.ask_at = next_ask(REFUND_ASK_AFTER, now, 0, now, runtime.jitter())
        return None
    row.failure_reason = failure.reason
    hold(payment, row, 0)
    move_refund(session, payment, row, "refund_refused", cause)
    return refusal_for_caller(sent, {"refundId": None, "_id": row.id})
