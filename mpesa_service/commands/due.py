"""Determines the outcome of commands whose result does not arrive.

A command that Daraja has not acknowledged is sent again where that is safe. One that it has acknowledged is
queried by transaction status. A command that moves money does not fail because no answer arrives or time has
passed: its amount stays reserved, and in the end a person decides.
"""

import logging
from collections import deque
from datetime import datetime
from typing import Any

from mpesa_service.commands.command import Command, Kinds, locked
from mpesa_service.commands.sending import send, status_addresses
from mpesa_service.commands.stopping import heed_answer
from mpesa_service.core import suspensions
from mpesa_service.core.log_context import about
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import CommandAccepted, DarajaError, Duplicate, TransactionStatusQuery
from mpesa_service.domain.audit import MPESA, SERVICE, Cause
from mpesa_service.domain.commands import UNDER_WAY, Stage
from mpesa_service.domain.reports import Evidence
from mpesa_service.domain.schedule import CALL_LIMIT, next_check
from mpesa_service.models.commands import CommandColumns

log = logging.getLogger(__name__)


def check_due(runtime: Runtime, kinds: Kinds, limit: int = 100) -> int:
    """Process due commands, longest due first, kinds in rotation; return how many."""
    waiting = deque(kinds)
    done = 0
    while waiting and done < limit:
        kind = waiting.popleft()
        command = _next_due(runtime, kind)
        if command is None:
            continue
        waiting.append(kind)
        done += 1
        try:
            _check(runtime, command)
        except Exception:  # the others must not wait for a fault in this one
            log.exception("could not check a command", extra=dict(command.ids))
    return done


def _next_due(runtime: Runtime, kind: type[Command[Any]]) -> Command[Any] | None:
    """Lease the next one of a kind, and commit."""
    now = runtime.clock()
    with runtime.database.begin() as session:
        if all(suspensions.is_in_force(session, name) for name in kind.suspensions):
            return None
        command = kind.claim(session, now)
        if command is None or not _is_due(command.row, now):
            return None
        if command.row.status == Stage.SUBMITTING:
            command.move("unanswered", Cause(SERVICE, now))
        if command.query_id() is None and command.may_resend(runtime):
            command.before_resend(Cause(SERVICE, now))
        command.row.next_check_at = now + CALL_LIMIT
        command.row.check_attempts += 1
        return command


def _is_due(row: CommandColumns, now: datetime) -> bool:
    """The worker that had it locked a moment ago may have processed it."""
    return row.next_check_at is not None and row.next_check_at <= now


def _check(runtime: Runtime, command: Command[Any]) -> None:
    answer: CommandAccepted | DarajaError | None = None
    query_error: DarajaError | None = None
    query_id = command.query_id()
    if query_id is not None:
        query_error = _query_status(runtime, command, query_id)
    elif command.may_resend(runtime):
        answer = send(runtime, command)
    with runtime.database.begin() as session:
        command = locked(type(command), session, command.row.id)
        heed_answer(command, answer or query_error, runtime.clock())
        if isinstance(answer, CommandAccepted):
            command.row.conversation_id = command.row.conversation_id or answer.conversation_id
        if isinstance(answer, CommandAccepted | Duplicate) and command.row.status == Stage.UNKNOWN:
            command.move("accepted", Cause(MPESA, runtime.clock(), Evidence.PUSH))
        _plan_next(runtime, command)


def _query_status(runtime: Runtime, command: Command[Any], conversation_id: str) -> DarajaError | None:
    """Query the status of a command; return the error of the query, if any.

    The answer comes to the command's own status address.
    """
    to = status_addresses(runtime, command)
    query = TransactionStatusQuery(
        original_conversation_id=conversation_id,
        party=command.party(runtime),
        result_url=to.result,
        timeout_url=to.timeout,
    )
    with about(**command.ids):
        try:
            runtime.daraja.transaction_status(query)
        except DarajaError as error:
            log.info("no information", extra={"reason": str(error)})
            return error
    return None


def _plan_next(runtime: Runtime, command: Command[Any]) -> None:
    row, now = command.row, runtime.clock()
    if row.status not in UNDER_WAY:
        return
    attempts = row.check_attempts
    row.next_check_at = next_check(command.schedule, command.first_sent_at, attempts, now, runtime.jitter())
    if row.next_check_at is None:
        row.failure_reason = f"Needs manual review: M-Pesa never reported the outcome of this {command.name}."
        command.move("unresolved", Cause(SERVICE, now))
