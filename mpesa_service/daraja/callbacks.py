"""Parsers of callbacks. Callbacks are unsigned: a parser returns a claim, not a fact.

Whatever the bytes are, a parser returns a typed value or raises UnreadableCallback. Shapes are
those of Safaricom's portal documentation and of captures: items in any order, `Balance` without
a Value, no metadata on failures, one object where a list was promised.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from mpesa_service.daraja.balances import AccountBalance, read_accounts
from mpesa_service.daraja.codes import ResultCode
from mpesa_service.daraja.command_results import command_result
from mpesa_service.daraja.errors import UnreadableCallback
from mpesa_service.daraja.values import (
    is_placeholder,
    named_values,
    read_amount,
    read_child,
    read_description,
    read_document,
    read_identifier,
    read_moment,
    read_receipt,
    required,
)
from mpesa_service.domain.outcomes import Outcome


@dataclass(frozen=True, kw_only=True)
class CommandResult:
    """The result of a payout, reversal or query, as claimed. For a status query see StatusResult.

    `result_type` is 0 when complete, 1 when more messages follow (documented). Either id may be
    "" but not both. `transaction_id` may be a placeholder; use `receipt`.
    """

    result_type: int
    result: ResultCode
    result_desc: str
    originator_conversation_id: str
    conversation_id: str
    transaction_id: str | None
    parameters: dict[str, object] = field(repr=False)
    raw: dict[str, object] = field(repr=False)

    @property
    def amount(self) -> Decimal | None:
        """Shillings moved, by the parameter that names them."""
        return read_amount(self._first("TransactionAmount", "Amount"))

    @property
    def receipt(self) -> str | None:
        """The M-Pesa receipt of a success; None on failure, where ids are placeholders."""
        if self.result.outcome is not Outcome.PAID:
            return None
        receipt = read_receipt(self._first("TransactionReceipt", "ReceiptNo") or self.transaction_id)
        return None if receipt is None or is_placeholder(receipt) else receipt

    @property
    def original_receipt(self) -> str | None:
        """The receipt of the payment that a reversal returned; `receipt` is the reversal's own."""
        return read_receipt(self.parameters.get("OriginalTransactionID"))

    @property
    def debit_account(self) -> AccountBalance | None:
        """Our account after a reversal. A business payment writes it in another way: None."""
        return next(iter(read_accounts(self.parameters.get("DebitAccountBalance"))), None)

    @property
    def completed_at(self) -> datetime | None:
        """When it was done, aware and in UTC; both of M-Pesa's ways to write a date are read."""
        return read_moment(
            self._first(
                "TransactionCompletedDateTime",
                "TransCompletedTime",
                "FinalisedTime",
                "BOCompletedTime",
            )
        )

    def _first(self, *names: str) -> object:
        found = (self.parameters.get(name) for name in names)
        return next((value for value in found if value is not None), None)


def parse_command_result(raw: bytes) -> CommandResult:
    """Read the result of a payout or another command. Raises UnreadableCallback."""
    return read_command_result(raw, "command_result")


def read_command_result(raw: bytes, operation: str) -> CommandResult:
    """Read the envelope that all commands share; `operation` is named in the error."""
    document = read_document(raw, operation)
    result = read_child(document, "Result", operation)
    code = command_result(required(result, "ResultCode", operation))
    ours = read_identifier(result.get("OriginatorConversationID")) or ""
    theirs = read_identifier(result.get("ConversationID")) or ""
    if not ours and not theirs:
        raise UnreadableCallback("neither conversation id is there", operation=operation)
    parameters = result.get("ResultParameters")
    items = parameters.get("ResultParameter") if isinstance(parameters, dict) else None
    return CommandResult(
        result_type=_result_type(result.get("ResultType", 0), operation),
        result=code,
        result_desc=read_description(result.get("ResultDesc")),
        originator_conversation_id=ours,
        conversation_id=theirs,
        transaction_id=read_identifier(result.get("TransactionID")),
        parameters=named_values(items, "Key"),
        raw=document,
    )


def _result_type(value: object, operation: str) -> int:
    if str(value) not in {"0", "1"}:
        raise UnreadableCallback("ResultType is neither 0 nor 1", operation=operation)
    return int(str(value))
