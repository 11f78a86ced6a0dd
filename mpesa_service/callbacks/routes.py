"""The addresses to which M-Pesa posts its reports.

The answer says that the body is stored. It does not say whether the callback is believed. There is no bearer
token and no rate limit, because all of M-Pesa is one source. A payment's own secret address protects it: a
claim that arrives on another address changes nothing until the service has queried Daraja.
"""

import logging
from collections.abc import Callable
from functools import partial

from flask import Response, current_app, request
from marshmallow import Schema, fields
from sqlalchemy.exc import SQLAlchemyError

from mpesa_service.callbacks.receive import receive
from mpesa_service.callbacks.too_large import receive_too_large
from mpesa_service.core.inbox import Posted
from mpesa_service.domain.callbacks import CallbackKind
from mpesa_service.errors import Unavailable
from mpesa_service.web.blueprint import RUNTIME, Guard, blueprint, errors, guard
from mpesa_service.web.large_bodies import read_large_body
from mpesa_service.web.request_hooks import View, on_large_body

log = logging.getLogger(__name__)

STORED = b'{"ResultCode":0,"ResultDesc":"Success"}'
HEADERS_OF_INTEREST = {
    "Content-Type": "CONTENT_TYPE",
    "User-Agent": "HTTP_USER_AGENT",
    "Businessshortcode": "HTTP_BUSINESSSHORTCODE",
    "X-Forwarded-For": "HTTP_X_FORWARDED_FOR",
}
"""The stored headers, with their names in the WSGI environment."""


class CallbackAnswerSchema(Schema):
    """The answer to M-Pesa: stored."""

    ResultCode = fields.Integer()
    ResultDesc = fields.String()


def reports_large_bodies(kind: CallbackKind) -> Callable[[View], View]:
    """Return the decorator of a view whose address keeps the beginning of a body that is too large."""

    def report(size: int, token: str | None = None, secret: str | None = None) -> None:
        read = partial(_posted_beginning, kind, token)
        receive_too_large(current_app.extensions[RUNTIME], kind, token or secret, size, read)

    return on_large_body(report)


def address(rule: str, kind: CallbackKind) -> Callable[[View], View]:
    """Return the decorator of a view that receives what M-Pesa posts to an address.

    The address with slashes at its end is the same address.
    """

    def decorate(view: View) -> View:
        view = reports_large_bodies(kind)(view)
        documented: View = blueprint.response(200, CallbackAnswerSchema)(errors(413, 503)(view))
        route: View = blueprint.post(rule, strict_slashes=False)(guard(Guard.PUBLIC)(documented))
        return route

    return decorate


@address("/callback", CallbackKind.STK)
def stk_callback_anywhere() -> Response:
    """Receive an STK callback without a token. It is stored, and verified before it counts."""
    return take(posted(CallbackKind.STK, None))


@address("/callback/<token>", CallbackKind.STK)
def stk_callback(token: str) -> Response:
    """Receive an STK callback on a payment's own address."""
    return take(posted(CallbackKind.STK, token))


@address("/callback/command/result/<token>", CallbackKind.COMMAND_RESULT)
def command_result(token: str) -> Response:
    """Receive the result of a refund, payout or inquiry on its own address."""
    return take(posted(CallbackKind.COMMAND_RESULT, token))


@address("/callback/command/timeout/<token>", CallbackKind.COMMAND_TIMEOUT)
def command_timeout(token: str) -> Response:
    """Receive the report that a command timed out in M-Pesa's queue; it may still be executed."""
    return take(posted(CallbackKind.COMMAND_TIMEOUT, token))


@address("/callback/command/status/result/<token>", CallbackKind.COMMAND_STATUS_RESULT)
def command_status_result(token: str) -> Response:
    """Receive M-Pesa's answer to a query about a command, on the command's own address."""
    return take(posted(CallbackKind.COMMAND_STATUS_RESULT, token))


@address("/callback/command/status/timeout/<token>", CallbackKind.COMMAND_STATUS_TIMEOUT)
def command_status_timeout(token: str) -> Response:
    """Receive the report that a query about a command timed out; it is sent again."""
    return take(posted(CallbackKind.COMMAND_STATUS_TIMEOUT, token))


def take(post: Posted) -> Response:
    """Store and apply what M-Pesa posted; answer that it is stored."""
    try:
        receive(current_app.extensions[RUNTIME], post)
    except SQLAlchemyError as error:
        log.exception("callback could not be stored")
        raise Unavailable("The callback could not be stored; send it again.") from error
    return Response(STORED, content_type="application/json")


def posted(kind: CallbackKind, token: str | None) -> Posted:
    """Return what M-Pesa posts with the request at hand."""
    return Posted(kind, token, request.get_data(cache=False), _headers(), request.remote_addr)


def _posted_beginning(kind: CallbackKind, token: str | None) -> Posted:
    cut = read_large_body()
    return Posted(kind, token, cut.head, _headers(), request.remote_addr, cut)


def _headers() -> dict[str, str]:
    environ = request.environ
    return {name: environ[key][:256] for name, key in HEADERS_OF_INTEREST.items() if key in environ}
