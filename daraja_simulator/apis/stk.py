"""What STK push and STK query check alike: shortcode, password, timestamp.

Portal: Password is base64 of shortcode, passkey and the request's own Timestamp.
"""

import base64

from daraja_simulator.errors import merchant
from daraja_simulator.fields import Fields
from daraja_simulator.world import World


def checked_shortcode(world: World, fields: Fields) -> str:
    """Return the BusinessShortCode once it and the password are in order; raises DarajaError."""
    shortcode = fields.shortcode("BusinessShortCode")
    password = fields.text("Password", 500)
    timestamp = fields.timestamp()
    if shortcode != world.options.shortcode:
        raise merchant("Merchant does not exist")
    plain = f"{shortcode}{world.options.passkey}{timestamp}"
    if password != base64.b64encode(plain.encode()).decode():
        raise merchant("Wrong credentials")
    return shortcode
