"""OAuth: a token for a consumer key and secret.

Portal: GET with Basic authentication; 400.008.01 and 400.008.02 are HTTP 400. The body after a
wrong secret has been seen both as JSON and empty.
"""

import base64
import binascii

from flask import request

from daraja_simulator.errors import DarajaError
from daraja_simulator.gate import Api, Call
from daraja_simulator.wire import Json
from daraja_simulator.world import World


class EmptyError(DarajaError):
    """HTTP 400 with nothing in it."""

    def body(self) -> Json:
        """Return nothing."""
        return {}


def generate(call: Call) -> Json:
    """Answer with a new token, which kills the app's old one unless keep_old_tokens is on."""
    if request.args.get("grant_type") != "client_credentials":
        raise DarajaError(400, "400.008.02", "Invalid grant type passed")
    world = call.world
    app_key = _app_key(world)
    options = world.options
    with world.lock:
        token = world.tokens.issue(
            app_key, world.now(), options.token_lifetime, keep_old=options.keep_old_tokens
        )
    world.tell("token issued")
    lifetime = int(options.token_lifetime)
    return {
        "access_token": token,
        "expires_in": str(lifetime) if options.expires_in_style == "string" else lifetime,
    }


def _app_key(world: World) -> str:
    scheme, _, sealed = request.headers.get("Authorization", "").partition(" ")
    try:
        key, colon, secret = base64.b64decode(sealed, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        key = colon = secret = ""
    if scheme.lower() != "basic" or not (key and colon and secret):
        raise _wrong("json")
    options = world.options
    if options.consumer_key not in (None, key) or options.consumer_secret not in (None, secret):
        raise _wrong(options.oauth_refusal)
    return key


def _wrong(style: str) -> DarajaError:
    kind = EmptyError if style == "empty" else DarajaError
    return kind(400, "400.008.01", "Invalid Authentication passed")


APIS = (Api("oauth", "/oauth/v1/generate", generate, None, "GET"),)
