"""The blueprint of the API, how its routes are guarded and limited, and how they reach the services."""

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Any, TypeVar

from flask import current_app
from flask_smorest import Blueprint
from marshmallow import Schema

from mpesa_service.api.parsing import JSON_OR_CSV, StrictParser
from mpesa_service.auth import current_principal, require_admin
from mpesa_service.extensions import limiter
from mpesa_service.schemas.responses import ErrorSchema
from mpesa_service.services.runtime import Runtime

RUNTIME = "mpesa_service"
_CHANGES = ("only", "exclude", "load_only", "dump_only", "partial", "many")
"""What makes an instance of a schema differ from its class."""
View = TypeVar("View", bound=Callable[..., Any])

_ERRORS = {
    400: "The request is not valid; nothing was done.",
    401: "No token, or one that is not believed.",
    403: "The token lacks the role.",
    404: "No such thing, or not the caller's.",
    409: "The present state forbids it; `Retry-After` says when to try again, if ever.",
    413: "The body is too large: 64 kB are taken where nothing else is said.",
    415: "The body is of another type.",
    422: "The Idempotency-Key, or the reference, was used with another request.",
    429: "Too many requests; see `Retry-After`.",
    500: "A fault of the service.",
    502: "M-Pesa answered, and no; no money moved.",
    503: "Not possible right now; nothing was done. See `Retry-After`.",
}


def only_documenting(decorate: Callable[[View], View]) -> Callable[[View], View]:
    """Return a decorator that documents a route as `decorate` does, without its wrapper.

    Those of flask-smorest turn what a route returns into a response. Ours return responses, so that all
    wrappers do is cost time on every request.
    """

    def document(view: View) -> View:
        vars(view)["_apidoc"] = vars(decorate(view))["_apidoc"]
        return view

    return document


class StrictBlueprint(Blueprint):  # type: ignore[misc]
    """A blueprint that reads requests strictly, and whose routes return responses."""

    ARGUMENTS_PARSER = StrictParser()
    DEFAULT_LOCATION_CONTENT_TYPE_MAPPING = {  # noqa: RUF012 - as flask-smorest declares it
        **Blueprint.DEFAULT_LOCATION_CONTENT_TYPE_MAPPING,
        JSON_OR_CSV: "application/json",
    }

    def response(self, *args: Any, **options: Any) -> Callable[[View], View]:
        """Document what a route returns."""
        return only_documenting(super().response(*args, **options))

    def alt_response(self, *args: Any, **options: Any) -> Callable[[View], View]:
        """Document what else a route may return."""
        return only_documenting(super().alt_response(*args, **options))

    @staticmethod
    def _make_doc_response_schema(schema: Any) -> Any:
        """Document a plain schema by its class, which says the same.

        At each of a route's decorators flask-smorest copies all that is documented so far, instances and
        their fields too, which made up a fifth of the service's start.
        """
        is_plain = isinstance(schema, Schema) and not any(vars(schema).get(name) for name in _CHANGES)
        return type(schema) if is_plain else schema


blueprint = StrictBlueprint("mpesa", __name__, url_prefix="/api/mpesa")


class Guard(StrEnum):
    """Who may call a route. Each route declares one, and a test fails for one that does not."""

    PUBLIC = "public"
    USER = "user"
    ADMIN = "admin"


def guard(who: Guard) -> Callable[[View], View]:
    """Let only `who` in, before anything else is looked at."""

    def decorate(view: View) -> View:
        if who is Guard.PUBLIC:
            view.guard = who  # type: ignore[attr-defined]
            return view

        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if who is Guard.ADMIN:
                require_admin()
            else:
                current_principal()
            return view(*args, **kwargs)

        guarded.guard = who  # type: ignore[attr-defined]
        return blueprint.doc(security=[{"bearer": []}])(guarded)  # type: ignore[no-any-return]

    return decorate


def errors(*statuses: int) -> Callable[[View], View]:
    """Document the errors that a route can give, in the one shape."""

    def decorate(view: View) -> View:
        for status in sorted({*statuses, 500, 503}):
            view = blueprint.alt_response(status, schema=ErrorSchema, description=_ERRORS[status])(view)
        return view

    return decorate


def _caller() -> str:
    return current_principal().subject


def _setting(name: str) -> Callable[[], str]:
    return lambda: str(getattr(runtime().settings, name))


limited = limiter.shared_limit(_setting("ratelimit_default"), scope="api", key_func=_caller)
limited_refunds = limiter.shared_limit(_setting("ratelimit_refunds"), scope="refunds", key_func=_caller)
limited_payouts = limiter.shared_limit(_setting("ratelimit_payouts"), scope="payouts", key_func=_caller)


def runtime() -> Runtime:
    """Return what this application's services work with."""
    bound: Runtime = current_app.extensions[RUNTIME]
    return bound
