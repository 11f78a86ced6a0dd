"""The addresses to which M-Pesa posts C2B payments, and their registration at Daraja.

M-Pesa signs nothing, so both addresses contain a secret. It is derived from the service's own key, is never
stored, and is the same after every restart.
"""

import hmac
import logging
from dataclasses import dataclass

from mpesa_service.c2b.validation_rules import read_rules
from mpesa_service.config import forbidden_word
from mpesa_service.core.provider_errors import refusal_for_caller
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import AlreadyRegistered, DarajaError, OutcomeUnknown, RegisterUrls
from mpesa_service.domain.orders import WhenUnsure
from mpesa_service.errors import Conflict, NotFound, Unavailable

log = logging.getLogger("mpesa_service.audit")

COMPLETED, CANCELLED = "Completed", "Cancelled"
"""What M-Pesa does by itself when validation does not answer."""

ALREADY_REGISTERED = (
    "Addresses of this shortcode are registered already. In production they are deleted first: in the Daraja"
    " portal's self-service URL management, which takes two operators, or by email to Safaricom. Then"
    " register these."
)


@dataclass(frozen=True)
class Registration:
    """The registered addresses. They are secret: a caller who knows them can claim that money arrived."""

    shortcode: str
    version: str
    response_type: str
    confirmation_url: str
    validation_url: str


def register(runtime: Runtime, actor: str, response_type: str | None = None) -> Registration:
    """Register both addresses.

    If validation does not answer, M-Pesa follows `whenUnsure`, unless `response_type` is given.

    Raises Conflict if Safaricom does not accept the address or has others, and the error of a failed call.
    """
    found = planned_registration(runtime, response_type)
    word = forbidden_word(found.confirmation_url)
    if word is not None:
        raise Conflict(
            f"Safaricom does not register an address that contains {word!r}, and MPESA_CALLBACK_URL does: set"
            " MPESA_C2B_URL to another public address of this service's /c2b.",
            code="address_refused",
        )
    try:
        runtime.daraja.register_urls(
            RegisterUrls(
                confirmation_url=found.confirmation_url,
                validation_url=found.validation_url,
                response_type=found.response_type,
            )
        )
    except AlreadyRegistered as error:
        raise Conflict(ALREADY_REGISTERED, code="already_registered") from error
    except OutcomeUnknown as error:
        raise Unavailable(
            "M-Pesa has not answered. The addresses may be registered; to register them again does no harm.",
            code="provider_silent",
            retry_after=30,
        ) from error
    except DarajaError as error:
        raise refusal_for_caller(error, {}) from error
    log.info("C2B addresses registered", extra={"actor": actor, "response_type": found.response_type})
    return found


def planned_registration(runtime: Runtime, response_type: str | None = None) -> Registration:
    """Return what `register` would register."""
    settings, where = runtime.settings, c2b_addresses(runtime)
    return Registration(
        settings.mpesa_shortcode,
        settings.mpesa_c2b_version,
        response_type or _usual_response(runtime),
        where.confirmation,
        where.validation,
    )


def _usual_response(runtime: Runtime) -> str:
    with runtime.database.read() as session:
        when_unsure = read_rules(runtime, session).when_unsure
    return COMPLETED if when_unsure is WhenUnsure.ACCEPT else CANCELLED


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
