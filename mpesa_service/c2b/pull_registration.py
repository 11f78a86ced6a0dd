"""Registers the shortcode for pulls at M-Pesa."""

import logging
from dataclasses import dataclass

from mpesa_service.c2b.pull import own_shortcode
from mpesa_service.c2b.pull_windows import SET_UP
from mpesa_service.core.provider_errors import refusal_for_caller
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import DarajaError, OutcomeUnknown, PullRegistration
from mpesa_service.domain.phones import normalize_msisdn
from mpesa_service.errors import Unavailable

log = logging.getLogger("mpesa_service.audit")


@dataclass(frozen=True)
class RegisteredPull:
    """A shortcode that is registered for pulls. `already`: it was registered before."""

    shortcode: str
    already: bool


def register_pull(runtime: Runtime, actor: str, shortcode: str | None = None) -> RegisteredPull:
    """Register a shortcode for pulls. To register it again does no harm.

    Raises Unavailable without MPESA_PULL_PHONE or without an answer, and the error of a refused call.
    """
    settings, shortcode = runtime.settings, own_shortcode(runtime, shortcode)
    if settings.mpesa_pull_phone is None:
        raise Unavailable(SET_UP, code="not_set_up")
    registration = PullRegistration(
        shortcode=shortcode,
        nominated_number=normalize_msisdn(settings.mpesa_pull_phone),
        callback_url=settings.callback_url,
    )
    try:
        found = runtime.daraja.pull_register(registration)
    except OutcomeUnknown as error:
        sentence = "M-Pesa has not answered. To register again does no harm."
        raise Unavailable(sentence, code="provider_silent", retry_after=30) from error
    except DarajaError as error:
        raise refusal_for_caller(error, {}) from error
    log.info("shortcode registered for pulls", extra={"actor": actor, "shortcode": shortcode})
    return RegisteredPull(shortcode, found.already)
