"""Registers the numbers of this service for pulls at M-Pesa."""

import logging
from dataclasses import dataclass

from mpesa_service.c2b.pull_numbers import chosen_numbers
from mpesa_service.c2b.pull_windows import SET_UP
from mpesa_service.core.provider_errors import refusal_for_caller
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import DarajaError, OutcomeUnknown, PullRegistration
from mpesa_service.domain.phones import normalize_msisdn
from mpesa_service.errors import ServiceError, Unavailable

log = logging.getLogger("mpesa_service.audit")


@dataclass(frozen=True)
class RegisteredPull:
    """The outcome of a number's registration for pulls.

    `already`: it was registered before. `refusal`: why it is not registered.
    """

    shortcode: str
    already: bool = False
    refusal: str | None = None


def register_pull(runtime: Runtime, actor: str, shortcode: str | None = None) -> list[RegisteredPull]:
    """Register a number for pulls, by default each number of this service. To repeat it does no harm.

    A number that M-Pesa refuses prevents no other registration. Raises Unavailable without MPESA_PULL_PHONE,
    and the error of the last refused call if no number is registered.
    """
    phone = runtime.settings.mpesa_pull_phone
    numbers = chosen_numbers(runtime, shortcode)
    if phone is None:
        raise Unavailable(SET_UP, code="not_set_up")
    found: list[RegisteredPull] = []
    for number in numbers:
        try:
            found.append(_register(runtime, actor, number, phone))
        except ServiceError as error:
            found.append(RegisteredPull(number, refusal=error.message))
            if all(one.refusal for one in found) and number == numbers[-1]:
                raise
    return found


def _register(runtime: Runtime, actor: str, shortcode: str, phone: str) -> RegisteredPull:
    registration = PullRegistration(
        shortcode=shortcode,
        nominated_number=normalize_msisdn(phone),
        callback_url=runtime.settings.callback_url,
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
