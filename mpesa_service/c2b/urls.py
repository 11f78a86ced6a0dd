"""The two addresses to which M-Pesa posts validations and confirmations of C2B payments.

M-Pesa signs nothing, so both addresses contain a secret. It is derived from the service's own key, is never
stored, and is the same after every restart.
"""

import hmac
from dataclasses import dataclass

from mpesa_service.core.runtime import Runtime
from mpesa_service.errors import NotFound


@dataclass(frozen=True)
class C2bAddresses:
    """What is registered at Daraja."""

    confirmation: str
    validation: str


def c2b_addresses(runtime: Runtime) -> C2bAddresses:
    """Return the addresses of the shortcode.

    They are secret: a caller who knows them can claim that money arrived.
    """
    base = f"{runtime.settings.c2b_url}/{_secret(runtime)}"
    return C2bAddresses(f"{base}/confirmation", f"{base}/validation")


def check_secret(runtime: Runtime, secret: str) -> None:
    """Raise NotFound for an address that is not one of ours."""
    if not hmac.compare_digest(secret.encode(), _secret(runtime).encode()):
        raise NotFound("There is nothing at this address.")


def _secret(runtime: Runtime) -> str:
    return runtime.encryption.blind_index("c2b", runtime.settings.mpesa_shortcode)
