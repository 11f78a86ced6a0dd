"""Sends a committed command to M-Pesa, for the first time or again, and interprets the answer.

A command's addresses are derived from its id with the service's own key, so that a second request is the same
as the first. Daraja's v3 accepts each OriginatorConversationID once, and calls the second a duplicate.
"""

from dataclasses import dataclass
from typing import Any

from mpesa_service.commands.command import Command, ResultAddresses
from mpesa_service.commands.stopping import heed_answer, heed_refusal
from mpesa_service.core.encryption import Encryption, token_hash
from mpesa_service.core.log_context import about
from mpesa_service.core.provider_errors import failure_of
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import CommandAccepted, DarajaError, Duplicate, OutcomeUnknown
from mpesa_service.domain.audit import MPESA, Cause
from mpesa_service.domain.commands import Stage
from mpesa_service.domain.reports import Evidence
from mpesa_service.domain.schedule import next_check


@dataclass(frozen=True)
class Tokens:
    """The unguessable path segments of one command's addresses."""

    result: str
    timeout: str
    status: str

    def hashes(self) -> dict[str, str]:
        """Return what the command's row keeps of them."""
        return {
            "result_token_hash": token_hash(self.result),
            "timeout_token_hash": token_hash(self.timeout),
            "status_token_hash": token_hash(self.status),
        }


def tokens_of(encryption: Encryption, name: str, command_id: str) -> Tokens:
    """Return the tokens of a command: always the same, and not to be guessed without the hash key."""
    return Tokens(
        *(encryption.blind_index(f"{name} {use}", command_id) for use in ("result", "timeout", "status"))
    )


def result_addresses(runtime: Runtime, command: Command[Any]) -> ResultAddresses:
    """Return where the command's own result and time-out are posted."""
    tokens = tokens_of(runtime.encryption, command.name, command.row.id)
    base = f"{runtime.settings.callback_url}/command"
    return ResultAddresses(f"{base}/result/{tokens.result}", f"{base}/timeout/{tokens.timeout}")


def status_addresses(runtime: Runtime, command: Command[Any]) -> ResultAddresses:
    """Return where the answer to a status query about the command is posted."""
    token = tokens_of(runtime.encryption, command.name, command.row.id).status
    base = f"{runtime.settings.callback_url}/command/status"
    return ResultAddresses(f"{base}/result/{token}", f"{base}/timeout/{token}")


def send(runtime: Runtime, command: Command[Any]) -> CommandAccepted | DarajaError:
    """Send a command, with no transaction open; the error, if any, is returned."""
    with about(**command.ids):
        try:
            return command.post(runtime, result_addresses(runtime, command))
        except DarajaError as error:
            return error


def conclude(
    runtime: Runtime, command: Command[Any], sent: CommandAccepted | DarajaError
) -> DarajaError | None:
    """Record the answer to the first send of a locked command; return the error of a sure refusal.

    The result may have arrived before Daraja's answer; then only the id is new.
    """
    row, now = command.row, runtime.clock()
    if isinstance(sent, CommandAccepted):
        row.conversation_id = row.conversation_id or sent.conversation_id
    heed_answer(command, sent, now)
    if row.status != Stage.SUBMITTING:
        return None
    soon = next_check(command.schedule, now, 0, now, runtime.jitter())
    # "Duplicate" means that an earlier send of the same id was accepted.
    if isinstance(sent, CommandAccepted | Duplicate):
        row.next_check_at = soon
        command.move("accepted", Cause(MPESA, now, Evidence.PUSH))
        return None
    failure = failure_of(sent, command.command_type)
    row.result_code, row.result_desc = failure.code, failure.description
    cause = Cause(MPESA, now, Evidence.PUSH, {"error": failure.description})
    if isinstance(sent, OutcomeUnknown):
        row.next_check_at = soon
        command.move("unanswered", cause)
        return None
    heed_refusal(command, sent, now)
    command.refuse(sent, failure, cause)
    return sent
