"""The simulator as a Flask application."""

import json
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from daraja_simulator import control, gate, pages
from daraja_simulator.apis import APIS
from daraja_simulator.control import common
from daraja_simulator.errors import ControlError, DarajaError, merchant
from daraja_simulator.options import SimulatorOptions
from daraja_simulator.world import World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_DARAJA = ("/mpesa/", "/oauth/")
_MOST_BYTES = 1_000_000


def create_simulator(options: SimulatorOptions | None = None, *, world: World | None = None) -> Flask:
    """Return the app over a new world (or the given one), with its time running."""
    world = world or World(options)
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = _MOST_BYTES
    app.extensions["simulator"] = world
    for api in APIS:
        gate.register(app, world, api)
    for route in control.ROUTES:
        common.register(app, world, route)
    app.register_blueprint(pages.blueprint(world))
    app.register_error_handler(ControlError, _refuse_control)
    app.register_error_handler(HTTPException, _refuse_http)
    app.wsgi_app = _hanging_up(app.wsgi_app)  # type: ignore[method-assign, assignment]
    world.start()
    return app


def _refuse_control(error: ControlError) -> Response:
    return _json(error.status, {"error": str(error)})


def _refuse_http(error: HTTPException) -> Response:
    status = error.code or 500
    if not request.path.startswith(_DARAJA):
        return _json(status, {"error": error.name})
    if status == 404:
        return gate.refusal_response(DarajaError(404, "404.001.01", "Resource not found"))
    if status == 405:
        return gate.refusal_response(DarajaError(405, "405.001", "Method Not Allowed"))
    if status >= 500:
        return gate.refusal_response(merchant("Internal Server Error"))
    return gate.refusal_response(DarajaError(status, "400.002.05", "Invalid Request Payload"))


def _json(status: int, body: Any) -> Response:
    return Response(json.dumps(body), status, content_type="application/json;charset=UTF-8")


def _hanging_up(inner: "WSGIApplication") -> "WSGIApplication":
    """Cut the connection where a fault asks for it.

    The server forgets the request on this error, but would keep the connection open for another.
    """

    def outer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        answer = inner(environ, start_response)
        if environ.get(gate.HANG_UP):
            connection = environ.get("werkzeug.socket")
            if connection is not None:
                connection.shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError("cut by a fault")
        return answer

    return outer
