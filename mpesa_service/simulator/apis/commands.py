"""What B2C and transaction status check alike: the initiator and the shortcode; and their answer.

A wrong initiator is not refused at once: the command is accepted, and its result says 2001.
"""

from mpesa_service.simulator.errors import invalid, merchant
from mpesa_service.simulator.fields import Fields
from mpesa_service.simulator.outcomes import ResultCode
from mpesa_service.simulator.wire import Json
from mpesa_service.simulator.world import World

_WRONG_BEFORE_LOCK = 5


def own_shortcode(world: World, fields: Fields) -> str:
    """Return PartyA: 600xxx as in the sandbox, or the app's own shortcode, so that one will do."""
    shortcode = fields.shortcode("PartyA")
    if not world.owns(shortcode):
        raise merchant("Merchant does not exist")
    return shortcode


def check_initiator(world: World, name: str, credential: str) -> ResultCode:
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


def accepted(conversation_id: str, originator_id: str) -> Json:
    """Return the answer to a command that was queued."""
    return {
        "ConversationID": conversation_id,
        "OriginatorConversationID": originator_id,
        "ResponseCode": "0",
        "ResponseDescription": "Accept the service request successfully.",
    }
