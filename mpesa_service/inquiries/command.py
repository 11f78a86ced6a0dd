"""An inquiry as a command. It moves no money: it is sent again, and fails when its schedule ends."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from mpesa_service.commands.command import Command, PostedResult, Report, ResultAddresses
from mpesa_service.core.runtime import Runtime
from mpesa_service.core.suspensions import PAYOUTS, REFUNDS
from mpesa_service.daraja import (
    BalanceQuery,
    CommandAccepted,
    StatusResult,
    TransactionStatusQuery,
    command_sentence,
    parse_balance_result,
    parse_command_result,
    parse_status_result,
)
from mpesa_service.domain.audit import Cause
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.commands import CommandType, InquiryKind
from mpesa_service.domain.reports import Evidence, Outcome
from mpesa_service.domain.schedule import INQUIRY_CHECK_AFTER
from mpesa_service.domain.states import TransitionTable, edges
from mpesa_service.inquiries.balances import book_balances
from mpesa_service.models import Inquiry
from mpesa_service.models.inquiries import InquiryStatus

_I = InquiryStatus
_OPEN = [_I.SUBMITTING, _I.PENDING]
_TRANSITIONS = TransitionTable(
    [
        *edges("accepted", [_I.SUBMITTING], _I.PENDING),
        *edges("unanswered", [_I.SUBMITTING], _I.PENDING),
        *edges("timed_out", _OPEN, _I.PENDING),
        *edges("refused", [_I.SUBMITTING], _I.FAILED),
        *edges("paid", _OPEN, _I.ANSWERED),
        *edges("declined", _OPEN, _I.FAILED),
        *edges("unresolved", _OPEN, _I.FAILED),
    ]
)


def type_of(kind: InquiryKind) -> CommandType:
    """Return the type of command of a kind of inquiry."""
    return CommandType.BALANCE_INQUIRY if kind is InquiryKind.BALANCE else CommandType.STATUS_INQUIRY


_ACCOUNT_NAMES = ("BillReferenceNumber", "BillRefNumber", "AccountReference")
"""Names under which an answer may contain the account that the payer typed. None of them is documented."""


class InquiryCommand(Command[Inquiry]):
    """An inquiry. It may be sent several times, and an answer to any of them counts."""

    name = "inquiry"
    done = "answered"
    table = Inquiry
    # Both are suspended together; when either is resumed, the credentials work again.
    suspensions = (REFUNDS, PAYOUTS)
    schedule = INQUIRY_CHECK_AFTER

    @property
    def command_type(self) -> CommandType:
        return type_of(InquiryKind(self.row.kind))

    @property
    def amount(self) -> None:
        return None

    @property
    def _is_balance_query(self) -> bool:
        return self.row.kind == InquiryKind.BALANCE

    def post(self, runtime: Runtime, addresses: ResultAddresses) -> CommandAccepted:
        to = {"result_url": addresses.result, "timeout_url": addresses.timeout}
        if self._is_balance_query:
            return runtime.daraja.account_balance(BalanceQuery(**to))
        query = TransactionStatusQuery(receipt=self.row.receipt, party=runtime.settings.mpesa_shortcode, **to)
        return runtime.daraja.transaction_status(query)

    def may_resend(self, _runtime: Runtime) -> bool:
        return True

    def query_id(self) -> None:
        """An inquiry is not queried: it is sent again."""
        return

    def move(self, edge: str, cause: Cause) -> None:
        self.row.status = _TRANSITIONS.target(edge, self.row.state)
        self.row.updated_at = cause.at
        self.row.evidence = cause.evidence or self.row.evidence
        if edge == "unresolved":
            self.row.failure_reason = "M-Pesa did not answer the inquiry."
        if self.row.state not in _OPEN:
            self.row.completed_at, self.row.next_check_at = cause.at, None

    def note(self, what: str, cause: Cause) -> None:
        """Nothing: there is no audit trail of inquiries."""

    def keep(self, runtime: Runtime, report: Report) -> None:
        if self._is_balance_query:
            book_balances(runtime, self.session, self.row.id, report.source.accounts)
        else:
            self.row.answer_encrypted = runtime.encryption.encrypt(json.dumps(report.source))

    def settle(self, _report: Report, cause: Cause) -> None:
        self.move("paid", cause)

    def release(self, reason: str, edge: str, cause: Cause) -> None:
        self.row.failure_reason = reason[:512]
        self.move(edge, cause)

    def reopen(self, *, paid: bool) -> None:
        """Do nothing: a completed inquiry stays completed. See `handle_late_report`."""

    def handle_late_report(self, _report: Report, _cause: Cause) -> tuple[InboxVerdict, str]:
        return InboxVerdict.DUPLICATE, f"the inquiry is {self.row.status} already"

    def receipt_taken(self, _receipt: str) -> bool:
        return False

    def keep_receipt(self, _receipt: str) -> None:
        """Nothing: no money moved."""

    def recognizes(self, _result: PostedResult) -> bool:
        return True

    def read(self, body: bytes) -> PostedResult:
        return _read_balances(body) if self._is_balance_query else _read_status(body)


def _read_balances(body: bytes) -> PostedResult:
    result = parse_balance_result(body)
    answered = bool(result.succeeded and result.accounts)
    report = _report(CommandType.BALANCE_INQUIRY, answered, result, result)
    return PostedResult(result.originator_conversation_id, result.conversation_id, report, result.final)


def _read_status(body: bytes) -> PostedResult:
    result = parse_status_result(body)
    answered = result.transaction_status is not None
    answer = _answer(result, parse_command_result(body).parameters)
    report = _report(CommandType.STATUS_INQUIRY, answered, result, answer)
    return PostedResult(result.originator_conversation_id, result.conversation_id, report, result.final)


def _report(command_type: CommandType, answered: bool, result: Any, source: Any) -> Report:
    return Report(
        evidence=Evidence.CALLBACK,
        outcome=Outcome.PAID if answered else Outcome.FAILED,
        result_code=result.result.code,
        result_desc=result.result_desc,
        reason=command_sentence(command_type, result.result.code).text,
        source=source,
        credential_fault=result.result.credential_fault,
        known_code=result.result.known,
    )


def _answer(result: StatusResult, parameters: Mapping[str, object]) -> dict[str, str | None]:
    """Return what is kept of an answer; it names people, so it is encrypted."""
    return {
        "status": result.transaction_status,
        "receipt": result.receipt,
        "amount": None if result.amount is None else _shillings(result.amount),
        "debit_party": _text(parameters.get("DebitPartyName")),
        "credit_party": _text(parameters.get("CreditPartyName")),
        "reason": _text(parameters.get("ReasonType")),
        "account": next(filter(None, (_text(parameters.get(name)) for name in _ACCOUNT_NAMES)), None),
        "finalised_at": result.finalised_at.isoformat() if result.finalised_at else None,
    }


def _shillings(amount: Decimal) -> str:
    """Return an amount with two decimals, or with all of them if it has more: money is never rounded."""
    rounded = f"{amount:.2f}"
    return rounded if Decimal(rounded) == amount else f"{amount:f}"


def _text(value: object) -> str | None:
    return value[:256] if isinstance(value, str) else None
