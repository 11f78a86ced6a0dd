"""The fields that all commands have (initiator, shortcode, remarks, URLs), and the response.

A command with a wrong initiator is accepted, and its result is 2001.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict, TypeVar

from daraja_simulator import commands, ids
from daraja_simulator.errors import generic_error, invalid_field
from daraja_simulator.faults import FaultPlan
from daraja_simulator.fields import Fields
from daraja_simulator.outcomes import Outcome, ResultCode
from daraja_simulator.records import Command
from daraja_simulator.request_pipeline import Call
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import Json

C = TypeVar("C", bound=Command)

_MAX_WRONG_CREDENTIALS = 5


@dataclass(frozen=True, slots=True)
class RequestFormat:
    """The names and limits of the common fields in one API."""

    commands: tuple[str, ...]
    initiator: str = "Initiator"
    shortcode: str = "PartyA"
    identifiers: Mapping[str, str] = field(default_factory=dict)
    """The valid identifier type of each identifier field."""
    remarks_least: int = 1
    occasion: str = "Occasion"


class CommonFields(TypedDict):
    """The common fields of a command's record."""

    command_id: str
    payload: Json
    originator_conversation_id: str
    conversation_id: str
    shortcode: str
    result_url: str
    timeout_url: str
    accepted_at: datetime
    initiator_result: ResultCode
    outcome: Outcome
    plan: FaultPlan


def common_fields(
    call: Call, form: RequestFormat, outcome: Outcome, originator_id: str | None = None
) -> CommonFields:
    """Read the common fields. The initiator is checked last, so that only valid requests can lock it.

    Without `originator_id`, a new id is generated, as by Daraja's gateway.
    """
    state, fields = call.state, Fields(call.body)
    initiator = fields.text(form.initiator, 100)
    unchecked = state.options.any_credential
    credential = fields.text("SecurityCredential", 2000, 0 if unchecked else 1)
    command_id = fields.choice("CommandID", form.commands)
    shortcode = _own_shortcode(state, fields, form.shortcode)
    for name, wanted in form.identifiers.items():
        if fields.text(name, 2) != wanted:
            raise invalid_field(name, call.body.get(name), f"it must be {wanted}")
    fields.text("Remarks", 100, form.remarks_least)
    fields.optional(form.occasion, 100)
    now = state.now()
    return CommonFields(
        command_id=command_id,
        payload=call.body,
        originator_conversation_id=originator_id or ids.request_id(),
        conversation_id=ids.conversation_id(now),
        shortcode=shortcode,
        result_url=fields.url("ResultURL"),
        timeout_url=fields.url("QueueTimeOutURL"),
        accepted_at=now,
        initiator_result=_check_initiator(state, initiator, credential),
        outcome=outcome,
        plan=call.plan.with_faults(outcome.faults),
    )


def enqueue(state: SimulatorState, command_type: commands.CommandType[C], command: C) -> Json:
    """Queue the command and return the response. Raises DarajaError if its id was used before."""
    commands.enqueue(state, command_type, command)
    return {
        "ConversationID": command.conversation_id,
        "OriginatorConversationID": command.originator_conversation_id,
        "ResponseCode": "0",
        "ResponseDescription": "Accept the service request successfully.",
    }


def _own_shortcode(state: SimulatorState, fields: Fields, name: str) -> str:
    """Return the shortcode: 600xxx as in the sandbox, or the app's own shortcode."""
    shortcode = fields.shortcode(name)
    if not state.owns(shortcode):
        reason = f"{name} {shortcode} is neither the shop's shortcode nor a 600xxx"
        raise generic_error("Merchant does not exist", reason)
    return shortcode


def _check_initiator(state: SimulatorState, name: str, credential: str) -> ResultCode:
    """Return 0, 2001 for a wrong name or password, or 8006 after five wrong ones in a row.

    With the option any_credential, every name and credential is right. Raises DarajaError if the credential
    is not base64.
    """
    if state.options.any_credential:
        return 0
    try:
        password = state.identity.decrypt(credential)
    except ValueError:
        raise invalid_field("SecurityCredential", credential, "it must be base64") from None
    with state.lock:
        if state.wrong_credentials >= _MAX_WRONG_CREDENTIALS:
            return 8006
        options = state.options
        if (name, password) == (options.initiator_name, options.initiator_password):
            state.wrong_credentials = 0
            return 0
        state.wrong_credentials += 1
        return 2001
