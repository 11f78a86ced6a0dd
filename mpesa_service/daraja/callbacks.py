"""Parsers of callbacks. Callbacks are unsigned: a parser returns a claim, not a fact.

A parser returns a typed value or raises UnreadableCallback, for any bytes. Shapes are
those of Safaricom's portal documentation and of captures: items in any order, `Balance` without
a Value, no metadata on failures, one object where a list was promised.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from mpesa_service.daraja.codes import ResultCode
from mpesa_service.daraja.command_results import command_result, status_query_result
from mpesa_service.daraja.errors import UnreadableCallback
from mpesa_service.daraja.lenient_json import is_blank
from mpesa_service.daraja.values import (
    is_placeholder,
    named_values,
    normalize_code,
    read_balance,
    read_description,
    read_identifier,
    read_moment,
    read_moved_amount,
    read_posted,
    read_receipt,
    required_value,
)
from mpesa_service.domain.reports import Outcome

_COLUMNS = 6


@dataclass(frozen=True, kw_only=True)
class ReportedBalance:
    """One account of a shortcode, in shillings. Paid charges are negative.

    The columns after the currency are named differently from one document to the next; these are
    the names of most. A column that is missing or no number is None. Which accounts there are
    depends on the product: "Utility Account" pays payouts, "Working Account" receives (documented).
    """

    name: str
    currency: str
    current: Decimal
    available: Decimal | None
    reserved: Decimal | None
    uncleared: Decimal | None


def read_accounts(value: object) -> tuple[ReportedBalance, ...]:
    """Return the accounts in a text, without those that show no balance; () when it is no such text."""
    texts = value.split("&") if isinstance(value, str) else []
    return tuple(account for text in texts if (account := _read_account(text)) is not None)


def _read_account(text: str) -> ReportedBalance | None:
    columns = [column.strip() for column in text.split("|")] + [""] * _COLUMNS
    current = read_balance(columns[2])
    if current is None:
        return None
    return ReportedBalance(
        name=columns[0],
        currency=columns[1],
        current=current,
        available=read_balance(columns[3]),
        reserved=read_balance(columns[4]),
        uncleared=read_balance(columns[5]),
    )


@dataclass(frozen=True, kw_only=True)
class CommandResult:
    """The result of a payout, reversal or query, as claimed. For a status query see StatusResult.

    `result_type` is 0 when complete, 1 when more messages follow (documented), and None if it is unknown.
    Only a `final` result counts. Either id may be "" but not both. `transaction_id` may be a placeholder; use
    `receipt`.
    """

    result_type: int | None
    result: ResultCode
    result_desc: str
    originator_conversation_id: str
    conversation_id: str
    transaction_id: str | None
    parameters: dict[str, object] = field(repr=False)
    raw: dict[str, object] = field(repr=False)

    @property
    def final(self) -> bool:
        """Whether the result is complete: no further message is needed."""
        return self.result_type == 0

    @property
    def amount(self) -> Decimal | None:
        """Shillings moved, by the parameter that names them."""
        return read_moved_amount(self._first("TransactionAmount", "Amount"))

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
    def debit_account(self) -> ReportedBalance | None:
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
    result, document = read_posted(raw, operation, "ResultCode")
    code = required_value(result, "ResultCode", normalize_code, operation)
    ours = read_identifier(result.get("OriginatorConversationID")) or ""
    theirs = read_identifier(result.get("ConversationID")) or ""
    if not ours and not theirs:
        raise UnreadableCallback("neither conversation id is there", operation=operation)
    parameters = result.get("ResultParameters")
    items = parameters.get("ResultParameter") if isinstance(parameters, dict) else None
    return CommandResult(
        result_type=_result_type(result.get("ResultType")),
        result=command_result(code),
        result_desc=read_description(result.get("ResultDesc")),
        originator_conversation_id=ours,
        conversation_id=theirs,
        transaction_id=read_identifier(result.get("TransactionID")),
        parameters=named_values(items, "Key"),
        raw=document,
    )


def _result_type(value: object) -> int | None:
    """Return 0, 1, or None for an unknown type. A result without a type is complete."""
    if is_blank(value):
        return 0
    return {"0": 0, "1": 1}.get(normalize_code(value))


@dataclass(frozen=True, kw_only=True)
class BalanceResult:
    """The answer to a balance query. `accounts` is empty unless it worked: see `succeeded`.

    `result` is a row of the commands' table, whose texts are about payouts. Here only its code,
    `meaning`, `advice` and `credential_fault` matter. Either id may be "" but not both. `completed_at`
    is aware and in UTC. `final` is that of the CommandResult.
    """

    final: bool
    result: ResultCode
    result_desc: str
    conversation_id: str
    originator_conversation_id: str
    accounts: tuple[ReportedBalance, ...]
    completed_at: datetime | None
    raw: dict[str, object] = field(repr=False)

    @property
    def succeeded(self) -> bool:
        """Whether the query worked, for any type of its ResultCode."""
        return self.result.code == "0"


def parse_balance_result(raw: bytes) -> BalanceResult:
    """Read the result of a balance query. Raises UnreadableCallback."""
    envelope = read_command_result(raw, "balance_result")
    worked = envelope.result.code == "0"
    return BalanceResult(
        final=envelope.final,
        result=envelope.result,
        result_desc=envelope.result_desc,
        conversation_id=envelope.conversation_id,
        originator_conversation_id=envelope.originator_conversation_id,
        accounts=read_accounts(envelope.parameters.get("AccountBalance")) if worked else (),
        completed_at=envelope.completed_at,
        raw=envelope.raw,
    )


_COMPLETED = "completed"
_FAILED = frozenset({"canceled", "cancelled", "declined", "expired", "failed"})


@dataclass(frozen=True, kw_only=True)
class StatusResult:
    """The status of a transaction, as claimed, and the result of the query itself.

    `outcome` is about the transaction, in three words. PAID: the query worked, and the
    transaction is Completed. FAILED: it is Cancelled, Declined, Expired or Failed. PENDING: no
    information, so query again later or ask a person. PENDING covers every query that did not
    work (unknown receipts included), Initiated and Authorized, and every other word: the list of
    words is open, and "Completed" is the only success in it (documented).

    `result` is about the query: its code is "0" when it worked, and `credential_fault` marks a
    rejected initiator. Its own `outcome` is always PENDING, and `resend_safe` always false.

    `conversation_id` and `originator_conversation_id` are the query's, "" where absent but never
    both. What follows is about the transaction, None when absent and whenever the query did not
    work: `transaction_status`, its word; `receipt`, which names the transaction even if it failed;
    `amount`, in shillings; its own two conversation ids; `finalised_at`, aware and in UTC. `final` is that of
    the CommandResult.
    """

    final: bool
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
        final=envelope.final,
        result=result,
        result_desc=envelope.result_desc,
        outcome=_outcome(status),
        conversation_id=envelope.conversation_id,
        originator_conversation_id=envelope.originator_conversation_id,
        transaction_status=status,
        receipt=None if receipt is None or is_placeholder(receipt) else receipt,
        amount=read_moved_amount(parameters.get("Amount")),
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
