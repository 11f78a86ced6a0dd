"""The blueprint of the API, and the decorators that guard, limit and document its routes."""

import time
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from http import HTTPStatus
from typing import Any

from flask import Response, current_app
from flask_limiter import RequestLimit, RouteLimit
from flask_smorest import Api, Blueprint
from marshmallow import Schema

from mpesa_service.core.runtime import Runtime
from mpesa_service.errors import LimitExceeded
from mpesa_service.web.auth import current_principal, require_admin
from mpesa_service.web.envelopes import ErrorSchema, envelope_of
from mpesa_service.web.extensions import limiter
from mpesa_service.web.parsing import JSON_OR_FILE, StrictParser
from mpesa_service.web.request_hooks import View
from mpesa_service.web.responses import failure, respond

RUNTIME = "mpesa_service"

_ERRORS = {
    400: "The request is not valid; nothing was done.",
    401: "The token is missing or not valid.",
    403: "The token does not have the required role.",
    404: "The object does not exist, or belongs to another caller.",
    409: "The current state does not allow this. If there is a `Retry-After` header, try again then.",
    411: "The body has no length (`Content-Length`).",
    413: "The body is too large. The limit is 64 kB unless the route documents another one.",
    415: "The content type of the body is not supported.",
    422: "The Idempotency-Key, or the reference, was used with another request.",
    429: "Too many requests; see `Retry-After`.",
    500: "A fault of the service.",
    502: "M-Pesa refused the request; no money moved.",
    503: "Not possible right now; nothing was done. See `Retry-After`.",
}


class StrictBlueprint(Blueprint):  # type: ignore[misc]
    """A blueprint that reads requests strictly, and whose routes return responses."""

    ARGUMENTS_PARSER = StrictParser()
    DEFAULT_LOCATION_CONTENT_TYPE_MAPPING = {  # noqa: RUF012 - as flask-smorest declares it
        **Blueprint.DEFAULT_LOCATION_CONTENT_TYPE_MAPPING,
        JSON_OR_FILE: "application/json",
    }

    def response(self, status_code: int, schema: Any, **details: str) -> Callable[[View], View]:
        """Document what a route returns.

        The routes return finished responses. The library's own decorator would serialize their return values.
        For each further decorator of a route it would also copy every schema that is documented so far.
        """
        return self.doc(responses=documented(status_code, schema, **details))  # type: ignore[no-any-return]

    def success(
        self,
        status_code: int,
        schema: type[Schema],
        *others: type[Schema],
        many: bool = False,
        **details: str,
    ) -> Callable[[View], View]:
        """Document a success: its `data` is one object of `schema`, or with `many` a list of them.

        With `others`, it is an object of any of the schemas.
        """
        envelopes = [envelope_of(one, many=many) for one in (schema, *others)]
        return self.response(status_code, {"anyOf": envelopes} if others else envelopes[0], **details)


def documented(
    status: int, schema: Any, *, description: str = "", content_type: str = "application/json"
) -> dict[str, Any]:
    """Return the OpenAPI description of one response."""
    content = {content_type: {"schema": schema}}
    return {str(status): {"description": description or HTTPStatus(status).phrase, "content": content}}


blueprint = StrictBlueprint("mpesa", __name__, url_prefix="/api/mpesa")


def _refuse(breached: RequestLimit) -> Response:
    """Return the 429 that flask-limiter raises, with the seconds until the next request may be allowed."""
    wait = max(1, int(breached.window.reset_time - time.time()) + 1)
    return respond(failure(LimitExceeded(retry_after=wait)))


def _limited(group: str, setting: str) -> RouteLimit:
    """Return a decorator for routes whose requests count against one of the caller's limits."""
    return limiter.shared_limit(
        lambda: str(getattr(runtime().settings, setting)),
        scope=group,
        key_func=lambda: current_principal().subject,
        on_breach=_refuse,
    )


limited = _limited("api", "ratelimit_default")
limited_refunds = _limited("refunds", "ratelimit_refunds")
limited_payouts = _limited("payouts", "ratelimit_payouts")


class Guard(StrEnum):
    """Who may call a route. Each route declares a guard; a test fails for a route without one."""

    PUBLIC = "public"
    USER = "user"
    ADMIN = "admin"


def guard(who: Guard, limit: RouteLimit = limited) -> Callable[[View], View]:
    """Refuse other callers than `who`, before anything else is checked, and those that call too often.

    A caller's requests count against `limit`, by default the one for all routes. Public routes have none.
    """

    def decorate(view: View) -> View:
        if who is Guard.PUBLIC:
            view.guard = who  # type: ignore[attr-defined]
            return view

        limited_view = limit(view)

        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if who is Guard.ADMIN:
                require_admin()
            else:
                current_principal()
            return limited_view(*args, **kwargs)

        guarded.guard = who  # type: ignore[attr-defined]
        refusals = _described(401, 403, 429) if who is Guard.ADMIN else _described(401, 429)
        return blueprint.doc(security=[{"bearer": []}], responses=refusals)(guarded)  # type: ignore[no-any-return]

    return decorate


def errors(*statuses: int) -> Callable[[View], View]:
    """Document the errors that a route can return besides those of its guard. All have the same shape."""
    return blueprint.doc(responses=_described(*statuses))  # type: ignore[no-any-return]


def _described(*statuses: int) -> dict[str, str]:
    """Return references to the described errors, and to the two that every route can return."""
    return {str(status): f"Error{status}" for status in sorted({*statuses, 500, 503})}


def describe_errors(api: Api) -> None:
    """Describe each error once in the OpenAPI document; the routes refer to it."""
    for status, description in _ERRORS.items():
        [response] = documented(status, ErrorSchema, description=description).values()
        api.spec.components.response(f"Error{status}", response)


def runtime() -> Runtime:
    """Return the runtime of the current application."""
    bound: Runtime = current_app.extensions[RUNTIME]
    return bound
