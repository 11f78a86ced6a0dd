"""OAuth: a token for a consumer key and secret.

Source: the portal. GET with Basic authentication; errors 400.008.01 and 400.008.02 have HTTP status 400.
For a wrong secret, both a JSON body and an empty body were observed.
"""

import base64
import binascii

from flask import request

from daraja_simulator.errors import DarajaError
from daraja_simulator.request_pipeline import Api, Call
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import Json


class EmptyError(DarajaError):
    """An error 400 without a body."""

    def body(self) -> Json:
        """Return an empty object, which means no body."""
        return {}


def generate(call: Call) -> Json:
    """Return a new token. It invalidates the app's old token unless keep_old_tokens is on."""
    options = call.state.options
    if request.args.get("grant_type") != "client_credentials" and not options.lenient:
        raise DarajaError(400, "400.008.02", "Invalid grant type passed")
    state = call.state
    app_key = _app_key(state)
    with state.lock:
        token = state.tokens.issue(
            app_key, state.now(), options.token_lifetime, keep_old=options.keep_old_tokens
        )
    state.log("token issued")
    lifetime = int(options.token_lifetime)
    return {
        "access_token": token,
        "expires_in": str(lifetime) if options.expires_in_style == "string" else lifetime,
    }


def _app_key(state: SimulatorState) -> str:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        key, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        key = colon = secret = ""
    options = state.options
    if options.any_credential:
        return key or "any"
    if scheme.lower() != "basic" or not (key and colon and secret):
        raise _wrong_credentials("json")
    if options.consumer_key not in (None, key) or options.consumer_secret not in (None, secret):
        raise _wrong_credentials(options.oauth_refusal)
    return key


def _wrong_credentials(style: str) -> DarajaError:
    kind = EmptyError if style == "empty" else DarajaError
    return kind(400, "400.008.01", "Invalid Authentication passed")


APIS = (Api("oauth", "/oauth/v1/generate", generate, None, "GET"),)
