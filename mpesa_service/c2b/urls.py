"""The two addresses at which M-Pesa asks about, and tells of, money from the phone's own menu.

Nothing that it posts there is signed, so both carry a secret that is derived from the service's own key: it
is never stored, and the same after every restart.
"""

import hmac
from dataclasses import dataclass

from mpesa_service.core.runtime import Runtime
from mpesa_service.errors import NotFound


@dataclass(frozen=True)
class Addresses:
    """What is registered at Daraja."""

    confirmation: str
    validation: str


def addresses(runtime: Runtime) -> Addresses:
    """Return the addresses of the shortcode; whoever knows them can say that money arrived."""
    base = f"{runtime.settings.c2b_url}/{_secret(runtime)}"
    return Addresses(f"{base}/confirmation", f"{base}/validation")


def check_secret(runtime: Runtime, secret: str) -> None:
    """Raise NotFound for an address that is not one of ours."""
    if not hmac.compare_digest(secret.encode(), _secret(runtime).encode()):
        raise NotFound("There is nothing at this address.")


def _secret(runtime: Runtime) -> str:
    return runtime.vault.fingerprint("c2b", runtime.settings.mpesa_shortcode)
