"""One locked command, and what each kind of command defines."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Generic, Self, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from mpesa_service.core.inbox import CallbackOutcome
from mpesa_service.core.provider_errors import Failure
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import (
    CommandAccepted,
    CommandResult,
    DarajaError,
    StatusResult,
    command_sentence,
    parse_command_result,
    whole_shillings,
)
from mpesa_service.domain.audit import Cause
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.commands import CommandType, Stage
from mpesa_service.domain.reports import Evidence, Outcome
from mpesa_service.domain.schedule import COMMAND_CHECK_AFTER
from mpesa_service.models.commands import CommandColumns

CommandRow = TypeVar("CommandRow", bound=CommandColumns)


@dataclass(frozen=True, kw_only=True)
class Report:
    """One report, on one of the command's own addresses. `source` is the CommandResult,
    StatusResult or BalanceResult that it was read from.

    `reason` is the sentence for people; `receipt` is that of the money that moved, if any.
    """

    evidence: Evidence
    outcome: Outcome
    result_code: str
    result_desc: str
    reason: str
    source: Any
    amount_differs: bool = False
    receipt: str | None = None
    credential_fault: bool = False
    known_code: bool = True
    """Whether a table has the result code."""
    moved_at: datetime | None = None
    """M-Pesa's own time of the money that moved."""


def report_of_result(command_type: CommandType, amount: int | None, result: CommandResult) -> Report:
    """Return what the result of a command over `amount` shillings says."""
    return Report(
        evidence=Evidence.CALLBACK,
        outcome=result.result.outcome,
        result_code=result.result.code,
        result_desc=result.result_desc,
        reason=command_sentence(command_type, result.result.code).text,
        source=result,
        amount_differs=_differs(amount, result.amount),
        receipt=result.receipt,
        credential_fault=result.result.credential_fault,
        known_code=result.result.known,
        moved_at=result.completed_at,
    )


def report_of_status(name: str, amount: int | None, result: StatusResult) -> Report:
    """Return what the answer to a status query says about the queried command."""
    status = result.transaction_status or "no status"
    return Report(
        evidence=Evidence.STATUS,
        outcome=result.outcome,
        result_code=result.result.code,
        result_desc=f"TransactionStatus {status}",
        reason=f"M-Pesa says that the {name} is {status.lower()}.",
        source=result,
        amount_differs=_differs(amount, result.amount),
        receipt=result.receipt,
        credential_fault=result.result.credential_fault,
        moved_at=result.finalised_at,
    )


def _differs(ours: int | None, reported: Decimal | None) -> bool:
    return ours is not None and reported is not None and whole_shillings(reported) != ours


@dataclass(frozen=True)
class ResultAddresses:
    """Where M-Pesa posts the result of a command, and the report that its queue timed out."""

    result: str
    timeout: str


@dataclass(frozen=True)
class PostedResult:
    """A result as M-Pesa posted it: the ids of the command that it names, and the report.

    A result that is not `final` decides nothing.
    """

    originator_conversation_id: str
    conversation_id: str
    report: Report
    final: bool


class Command(ABC, Generic[CommandRow]):
    """A row of one kind, locked to the end of the session's transaction with what comes before it.

    After the transaction it is a snapshot that can still be sent. `edge` is always without its prefix.
    """

    name: ClassVar[str]
    done: ClassVar[str] = "paid"
    table: ClassVar[type[Any]]
    suspensions: ClassVar[tuple[str, ...]]
    schedule: ClassVar[Sequence[timedelta]] = COMMAND_CHECK_AFTER

    def __init__(self, session: Session, row: CommandRow) -> None:
        self.session = session
        self.row = row

    @classmethod
    def lock(cls, session: Session, **columns: str) -> Self | None:
        """Return the one command with these unique column values, locked after its parent, or None."""
        statement = select(cls.table).filter_by(**columns).with_for_update()
        row = session.scalars(statement.execution_options(populate_existing=True)).one_or_none()
        return None if row is None else cls(session, row)

    @classmethod
    def claim(cls, session: Session, now: datetime) -> Self | None:
        """Lock and return the command that has been due longest and that nobody has locked, or None."""
        next_check_at = cls.table.next_check_at
        due = select(cls.table).where(next_check_at <= now).order_by(next_check_at).limit(1)
        row = session.scalars(due.with_for_update(skip_locked=True)).one_or_none()
        return None if row is None else cls(session, row)

    @property
    def ids(self) -> Mapping[str, str]:
        """The command's id, under the name that `CallbackOutcome` has for it."""
        return {f"{self.name}_id": self.row.id}

    @property
    @abstractmethod
    def command_type(self) -> CommandType:
        """Its type, which decides the sentences about it."""

    @property
    @abstractmethod
    def amount(self) -> int | None:
        """Shillings that move; None when it moves none."""

    @abstractmethod
    def post(self, runtime: Runtime, addresses: ResultAddresses) -> CommandAccepted:
        """Send it; raise DarajaError. No transaction is open."""

    @abstractmethod
    def may_resend(self, runtime: Runtime) -> bool:
        """Return whether the command can be sent again without moving money twice."""

    def query_id(self) -> str | None:
        """Return the id for queries about the command, once Daraja has acknowledged it; else None."""
        if self.row.conversation_id is None and self.row.status == Stage.PENDING:
            return self.row.originator_conversation_id  # "Duplicate" acknowledged it without naming its own
        return self.row.conversation_id

    def before_resend(self, _cause: Cause) -> None:
        """Record that the command will be sent again, if that changes the meaning of later reports."""
        return

    @abstractmethod
    def move(self, edge: str, cause: Cause) -> None:
        """Move it along `edge`, with audit trail and outgoing event."""

    @abstractmethod
    def note(self, what: str, cause: Cause) -> None:
        """Write a line of the audit trail that moves nothing."""

    def keep(self, _runtime: Runtime, _report: Report) -> None:
        """Keep what a report that is about to be settled says beyond its outcome."""
        return

    @abstractmethod
    def settle(self, report: Report, cause: Cause) -> None:
        """Book that it was carried out, and move it along `paid`."""

    @abstractmethod
    def release(self, reason: str, edge: str, cause: Cause) -> None:
        """Book that it was not carried out, with the reason for people, and move it along `edge`."""

    @abstractmethod
    def reopen(self, *, paid: bool) -> None:
        """Take back what was booked: M-Pesa says that it was `paid`, or not, after the contrary."""

    def receipt_taken(self, receipt: str) -> bool:
        """Return whether another command of this kind has this receipt."""
        others = select(self.table.id).where(self.table.receipt == receipt, self.table.id != self.row.id)
        return self.session.scalars(others).first() is not None

    def keep_receipt(self, receipt: str) -> None:
        """Keep the receipt that is reported of one in review, if it has none."""
        row: Any = self.row
        row.receipt = row.receipt or receipt

    def refuse(self, _error: DarajaError, failure: Failure, cause: Cause) -> None:
        """Book that M-Pesa surely did nothing."""
        self.release(failure.reason, "refused", cause)

    def read(self, body: bytes) -> PostedResult:
        """Read a result posted to its address; raise UnreadableCallback."""
        result = parse_command_result(body)
        report = report_of_result(self.command_type, self.amount, result)
        return PostedResult(result.originator_conversation_id, result.conversation_id, report, result.final)

    def recognizes(self, result: PostedResult) -> bool:
        """Return whether a result names the command. Once Daraja has given an id, one id must agree.

        Documentation shows results under Daraja's own OriginatorConversationID. Production has been seen
        to echo ours. A result may come before the answer that contains Daraja's id.
        """
        known = {self.row.originator_conversation_id, self.row.conversation_id}
        named = {result.originator_conversation_id, result.conversation_id}
        return self.row.conversation_id is None or bool(known & named)

    def inconclusive_reason(self, _report: Report) -> str | None:
        """Return why a report about a command in progress decides nothing yet; None if it decides."""
        return None

    def handle_late_report(self, _report: Report, _cause: Cause) -> tuple[InboxVerdict, str] | None:
        """Handle a report about a command that is not in progress.

        None means that the report is handled as for any other kind.
        """
        return None

    def party(self, _runtime: Runtime) -> str | None:
        """Return the shortcode that a status query about it names; None for the one that pays."""
        return None

    @property
    def first_sent_at(self) -> datetime:
        """When it was first sent: its schedule counts from there."""
        return self.row.created_at

    def handled(self, verdict: InboxVerdict, reason: str) -> CallbackOutcome:
        """Return what became of a callback about it."""
        return CallbackOutcome(verdict, reason, **self.ids)


CommandKind = TypeVar("CommandKind", bound=Command[Any])


Kinds = Sequence[type[Command[Any]]]
"""The kinds of commands that a function deals with."""


def locked(kind: type[CommandKind], session: Session, command_id: str) -> CommandKind:
    """Return a command that exists, locked."""
    command = kind.lock(session, id=command_id)
    if command is None:
        raise LookupError(f"{kind.name} {command_id} has vanished")
    return command
