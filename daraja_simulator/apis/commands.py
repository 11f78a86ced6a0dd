"""What every command's request has: initiator, shortcode, remarks, URLs; and their answer.

A wrong initiator is not refused at once: the command is accepted, and its result says 2001.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict, TypeVar

from daraja_simulator import commands, ids
from daraja_simulator.errors import invalid, merchant
from daraja_simulator.faults import Plan
from daraja_simulator.fields import Fields
from daraja_simulator.gate import Call
from daraja_simulator.outcomes import Outcome, ResultCode
from daraja_simulator.records import Command
from daraja_simulator.wire import Json
from daraja_simulator.world import World

C = TypeVar("C", bound=Command)

_WRONG_BEFORE_LOCK = 5


@dataclass(frozen=True, slots=True)
class Form:
    """How an API spells, and bounds, what all of them ask for."""

    commands: tuple[str, ...]
    initiator: str = "Initiator"
    shortcode: str = "PartyA"
    identifiers: Mapping[str, str] = field(default_factory=dict)
    """The identifier types that it takes, by field."""
    remarks_least: int = 1
    occasion: str = "Occasion"


class Terms(TypedDict):
    """The fields that every command's record begins with."""

    command_id: str
    payload: Json
    originator_conversation_id: str
    conversation_id: str
    shortcode: str
    result_url: str
    timeout_url: str
    accepted_at: datetime
    refusal: ResultCode
    outcome: Outcome
    plan: Plan


def terms(call: Call, form: Form, outcome: Outcome, originator_id: str | None = None) -> Terms:
    """Read the common fields, the initiator's last: only a well-formed request counts against it.

    Without `originator_id` one is made, as by the gateway.
    """
    world, fields = call.world, Fields(call.body)
    initiator = fields.text(form.initiator, 100)
    credential = fields.text("SecurityCredential", 2000)
    command_id = fields.choice("CommandID", form.commands)
    shortcode = _own_shortcode(world, fields, form.shortcode)
    for name, wanted in form.identifiers.items():
        if fields.text(name, 2) != wanted:
            raise invalid(name)
    fields.text("Remarks", 100, form.remarks_least)
    fields.optional(form.occasion, 100)
    now = world.now()
    return Terms(
        command_id=command_id,
        payload=call.body,
        originator_conversation_id=originator_id or ids.request_id(),
        conversation_id=ids.conversation_id(now),
        shortcode=shortcode,
        result_url=fields.url("ResultURL"),
        timeout_url=fields.url("QueueTimeOutURL"),
        accepted_at=now,
        refusal=_check_initiator(world, initiator, credential),
        outcome=outcome,
        plan=call.plan.joined(outcome.faults),
    )


def accepted(world: World, trade: commands.Trade[C], command: C) -> Json:
    """Queue the command; return the answer. Raises DarajaError for an id that was used before."""
    commands.accept(world, trade, command)
    return {
        "ConversationID": command.conversation_id,
        "OriginatorConversationID": command.originator_conversation_id,
        "ResponseCode": "0",
        "ResponseDescription": "Accept the service request successfully.",
    }


def _own_shortcode(world: World, fields: Fields, name: str) -> str:
    """Return it: 600xxx as in the sandbox, or the app's own shortcode, so that one will do."""
    shortcode = fields.shortcode(name)
    if not world.owns(shortcode):
        raise merchant("Merchant does not exist")
    return shortcode


def _check_initiator(world: World, name: str, credential: str) -> ResultCode:
    """Return 0, 2001 for a wrong name or password, or 8006 after five wrong ones in a row.

    Raises DarajaError when the credential is not base64.
    """
    try:
        password = world.identity.decrypt(credential)
    except ValueError:
        raise invalid("SecurityCredential") from None
    with world.lock:
        if world.wrong_credentials >= _WRONG_BEFORE_LOCK:
            return 8006
        options = world.options
        if (name, password) == (options.initiator_name, options.initiator_password):
            world.wrong_credentials = 0
            return 0
        world.wrong_credentials += 1
        return 2001
