"""Error handlers: every exception becomes a response in the API's error shape."""

import logging

from flask import Flask, Response
from flask_limiter import RateLimitExceeded
from flask_smorest import Api
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from mpesa_service.errors import ServiceError, Unavailable
from mpesa_service.web.envelopes import ErrorSchema
from mpesa_service.web.request_hooks import TOO_LARGE, request_id, too_large
from mpesa_service.web.responses import failure, respond

log = logging.getLogger(__name__)

_MESSAGES = {
    400: ("bad_request", "The request could not be understood."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not support this method."),
    411: ("length_required", "Send the length of the body (Content-Length). It cannot be sent in chunks."),
    413: ("body_too_large", "The body is too large."),
    415: ("unsupported_media_type", "The body must be application/json."),
}


class PaymentApi(Api):  # type: ignore[misc]
    """flask-smorest's API with our error shape, in its handler and in the OpenAPI document."""

    ERROR_SCHEMA = ErrorSchema

    def handle_http_exception(self, error: HTTPException) -> Response:
        return handle_http_error(error)


def init_app(app: Flask) -> None:
    app.register_error_handler(ServiceError, handle_service_error)
    app.register_error_handler(RateLimitExceeded, RateLimitExceeded.get_response)
    app.register_error_handler(OperationalError, handle_database_error)
    app.register_error_handler(PoolTimeout, handle_database_error)
    app.register_error_handler(Exception, handle_fault)


def handle_service_error(error: ServiceError) -> Response:
    request_id()
    return respond(failure(error))


def handle_http_error(error: HTTPException) -> Response:
    """Answer an error of Flask or werkzeug: 404, 405, 413, 415 …"""
    request_id()
    status = error.code or 500
    code, message = _MESSAGES.get(status, (error.name.lower().replace(" ", "_"), error.name))
    shaped = ServiceError(too_large() if status == TOO_LARGE else message, code=code)
    shaped.status, shaped.error = status, error.name
    response = respond(failure(shaped))
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def handle_database_error(error: Exception) -> Response:
    """Answer 503 with Retry-After: the database cannot be reached or is overloaded."""
    log.error("database error: %s", type(error).__name__)
    return handle_service_error(Unavailable())


def handle_fault(error: Exception) -> Response:
    """Answer 500 with the request id: a fault of this service. The details are logged."""
    if isinstance(error, HTTPException):
        return handle_http_error(error)
    log.error("unhandled", exc_info=error)
    return handle_service_error(ServiceError())
