"""The simulator as a Flask application."""

import json
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from daraja_simulator import control, pages, request_pipeline
from daraja_simulator.apis import APIS
from daraja_simulator.control import routes
from daraja_simulator.errors import ControlError, DarajaError, generic_error
from daraja_simulator.options import SimulatorOptions
from daraja_simulator.state import SimulatorState

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_DARAJA_PATHS = ("/mpesa/", "/oauth/", "/pulltransactions/")
_MAX_BODY_BYTES = 1_000_000


def create_simulator(
    options: SimulatorOptions | None = None, *, state: SimulatorState | None = None
) -> Flask:
    """Return the app, with a new state unless one is given, and start its clock."""
    state = state or SimulatorState(options)
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = _MAX_BODY_BYTES
    app.extensions["simulator"] = state
    for api in APIS:
        request_pipeline.register(app, state, api)
    for route in control.ROUTES:
        routes.register(app, state, route)
    app.register_blueprint(pages.blueprint(state))
    app.register_error_handler(ControlError, _control_error)
    app.register_error_handler(HTTPException, _http_error)
    app.wsgi_app = _closing_connections(app.wsgi_app)  # type: ignore[method-assign, assignment]
    state.start()
    return app


def _control_error(error: ControlError) -> Response:
    return _json(error.status, {"error": str(error)})


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if not request.path.startswith(_DARAJA_PATHS):
        return _json(status, {"error": error.name})
    if status == 404:
        return request_pipeline.error_response(DarajaError(404, "404.001.01", "Resource not found"))
    if status == 405:
        return request_pipeline.error_response(DarajaError(405, "405.001", "Method Not Allowed"))
    if status >= 500:
        return request_pipeline.error_response(generic_error("Internal Server Error"))
    return request_pipeline.error_response(DarajaError(status, "400.002.05", "Invalid Request Payload"))


def _json(status: int, body: Any) -> Response:
    return Response(json.dumps(body), status, content_type="application/json;charset=UTF-8")


def _closing_connections(inner: "WSGIApplication") -> "WSGIApplication":
    """Close the connection if a fault requires it.

    The server drops the request on this error, but would keep the connection open for the next request.
    """

    def outer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        answer = inner(environ, start_response)
        if environ.get(request_pipeline.CLOSE_CONNECTION):
            connection = environ.get("werkzeug.socket")
            if connection is not None:
                connection.shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError("closed by a fault")
        return answer

    return outer
