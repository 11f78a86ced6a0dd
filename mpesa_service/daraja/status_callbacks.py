"""The parser of a status query's result, which contains two results.

The envelope's ResultCode only says whether the query worked. The TransactionStatus parameter has the
status of the transaction (documented). The envelope's ids are those of the
query, the parameters' ids those of that transaction.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from mpesa_service.daraja.callbacks import read_command_result
from mpesa_service.daraja.codes import ResultCode
from mpesa_service.daraja.command_results import status_query_result
from mpesa_service.daraja.values import (
    is_placeholder,
    read_amount,
    read_identifier,
    read_moment,
    read_receipt,
)
from mpesa_service.domain.outcomes import Outcome

_COMPLETED = "completed"
_FAILED = frozenset({"canceled", "cancelled", "declined", "expired", "failed"})


@dataclass(frozen=True, kw_only=True)
class StatusResult:
    """The status of a transaction, as claimed, and the result of the query itself.

    `outcome` is about the transaction, in three words. PAID: the query worked, and the
    transaction is Completed. FAILED: it is Cancelled, Declined, Expired or Failed. PENDING: no
    information, so ask again later or ask a person. PENDING covers every query that did not
    work (unknown receipts included), Initiated and Authorized, and every other word: the list of
    words is open, and "Completed" is the only success in it (documented).

    `result` is about the query: its code is "0" when it worked, and `credential_fault` marks a
    rejected initiator. Its own `outcome` is always PENDING, and `resend_safe` always false.

    `conversation_id` and `originator_conversation_id` are the query's, "" where absent but never
    both. What follows is about the transaction, None when absent and whenever the query did not
    work: `transaction_status`, its word; `receipt`, which names the transaction even if it failed;
    `amount`, in shillings; its own two conversation ids; `finalised_at`, aware and in UTC.
    """

    result: ResultCode
    result_desc: str
    outcome: Outcome
    conversation_id: str
    originator_conversation_id: str
    transaction_status: str | None
    receipt: str | None
    amount: Decimal | None
    original_conversation_id: str | None
    original_originator_conversation_id: str | None
    finalised_at: datetime | None
    raw: dict[str, object] = field(repr=False)


def parse_status_result(raw: bytes) -> StatusResult:
    """Read the result of a transaction status query. Raises UnreadableCallback."""
    envelope = read_command_result(raw, "status_result")
    result = status_query_result(envelope.result.code)
    parameters = envelope.parameters if result.code == "0" else {}
    status = read_identifier(parameters.get("TransactionStatus"))
    receipt = read_receipt(parameters.get("ReceiptNo"))
    return StatusResult(
        result=result,
        result_desc=envelope.result_desc,
        outcome=_outcome(status),
        conversation_id=envelope.conversation_id,
        originator_conversation_id=envelope.originator_conversation_id,
        transaction_status=status,
        receipt=None if receipt is None or is_placeholder(receipt) else receipt,
        amount=read_amount(parameters.get("Amount")),
        original_conversation_id=read_identifier(parameters.get("ConversationID")),
        original_originator_conversation_id=read_identifier(parameters.get("OriginatorConversationID")),
        finalised_at=read_moment(parameters.get("FinalisedTime")),
        raw=envelope.raw,
    )


def _outcome(status: str | None) -> Outcome:
    word = (status or "").lower()
    if word == _COMPLETED:
        return Outcome.PAID
    return Outcome.FAILED if word in _FAILED else Outcome.PENDING
