"""The checks of STK push and STK query: shortcode, password and timestamp.

Source: the portal. Password is the base64 of shortcode, passkey and the request's Timestamp.
"""

import base64

from daraja_simulator.errors import generic_error
from daraja_simulator.fields import Fields
from daraja_simulator.state import SimulatorState


def checked_shortcode(state: SimulatorState, fields: Fields) -> str:
    """Return the BusinessShortCode if it and the password are valid. Raises DarajaError."""
    shortcode = fields.shortcode("BusinessShortCode")
    password = fields.text("Password", 500)
    timestamp = fields.timestamp()
    if shortcode != state.options.shortcode:
        reason = f"BusinessShortCode {shortcode} is not the shop's shortcode {state.options.shortcode}"
        raise generic_error("Merchant does not exist", reason)
    plain = f"{shortcode}{state.options.passkey}{timestamp}"
    if password != base64.b64encode(plain.encode()).decode():
        reason = "Password is not the base64 of shortcode, passkey and this request's Timestamp"
        raise generic_error("Wrong credentials", reason)
    return shortcode
