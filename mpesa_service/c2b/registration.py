"""The addresses to which M-Pesa posts C2B payments, and their registration at Daraja.

M-Pesa signs nothing, so both addresses contain a random secret. Only the command line ever shows it, once.
"""

import logging
from dataclasses import dataclass

from mpesa_service.c2b.address_secrets import (
    RevealedSecret,
    mark_registered,
    newest_secret,
    secret_to_register,
)
from mpesa_service.c2b.validation_rules import read_rules
from mpesa_service.config import forbidden_word
from mpesa_service.core.provider_errors import refusal_for_caller
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import AlreadyRegistered, DarajaError, OutcomeUnknown, RegisterUrls
from mpesa_service.domain.orders import WhenUnsure
from mpesa_service.errors import Conflict, Unavailable

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
    """What is registered: the addresses are below `c2b_url`, and contain the secret of this id."""

    shortcode: str
    version: str
    response_type: str
    c2b_url: str
    secret_id: int | None


@dataclass(frozen=True)
class C2bAddresses:
    """What is registered at Daraja. A caller who knows an address can claim that money arrived."""

    confirmation: str
    validation: str


def register(runtime: Runtime, actor: str, response_type: str | None = None) -> Registration:
    """Register both addresses, with the newest secret. The first registration makes the first secret.

    If validation does not answer, M-Pesa follows `whenUnsure`, unless `response_type` is given.

    Raises Conflict if Safaricom does not accept the address or has others, and the error of a failed call.
    """
    check_words(runtime)
    secret = secret_to_register(runtime, actor)
    found = _registration(runtime, response_type, secret.record.id)
    where = addresses_of(runtime, secret)
    try:
        runtime.daraja.register_urls(
            RegisterUrls(
                confirmation_url=where.confirmation,
                validation_url=where.validation,
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
    mark_registered(runtime, secret.record)
    extra = {"actor": actor, "response_type": found.response_type, "id": found.secret_id}
    log.info("C2B addresses registered", extra=extra)
    return found


def planned_registration(runtime: Runtime, response_type: str | None = None) -> Registration:
    """Return what `register` would register; without a secret's id, it would make the first secret."""
    newest = newest_secret(runtime)
    return _registration(runtime, response_type, None if newest is None else newest.id)


def check_words(runtime: Runtime) -> None:
    """Raise Conflict if Safaricom does not accept the address because of a word in it."""
    word = forbidden_word(runtime.settings.c2b_url)
    if word is not None:
        raise Conflict(
            f"Safaricom does not register an address that contains {word!r}, and MPESA_CALLBACK_URL does: set"
            " MPESA_C2B_URL to another public address of this service's /c2b.",
            code="address_refused",
        )


def addresses_of(runtime: Runtime, secret: RevealedSecret) -> C2bAddresses:
    """Return the addresses that contain this secret."""
    base = f"{runtime.settings.c2b_url}/{secret.text}"
    return C2bAddresses(f"{base}/confirmation", f"{base}/validation")


def _registration(runtime: Runtime, response_type: str | None, secret_id: int | None) -> Registration:
    settings = runtime.settings
    return Registration(
        settings.mpesa_shortcode,
        settings.mpesa_c2b_version,
        response_type or _usual_response(runtime),
        settings.c2b_url,
        secret_id,
    )


def _usual_response(runtime: Runtime) -> str:
    with runtime.database.read() as session:
        when_unsure = read_rules(runtime, session).when_unsure
    return COMPLETED if when_unsure is WhenUnsure.ACCEPT else CANCELLED
