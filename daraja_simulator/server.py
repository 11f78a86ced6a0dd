"""The simulator's HTTP server, for the command line, and in a thread for tests."""

import socket
import threading
from types import TracebackType
from typing import Any, Self

import requests
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from daraja_simulator.app import create_simulator
from daraja_simulator.options import SimulatorOptions
from daraja_simulator.state import SimulatorState

_POLL_INTERVAL = 0.02
"""Seconds between two checks for a stop."""


class _QuietHandler(WSGIRequestHandler):
    def log_request(self, *_arguments: int | str) -> None:
        return


def bind(state: SimulatorState, host: str, port: int) -> BaseWSGIServer:
    """Return a threaded server. Port 0 chooses a free port. Raises OSError if the port is in use."""
    with socket.create_server((host, port), backlog=512) as listener:
        app = create_simulator(state=state)
        return make_server(
            host, port, app, threaded=True, request_handler=_QuietHandler, fd=listener.fileno()
        )


class SimulatorServer:
    """A simulator in a thread, on a free port of this machine.

    with SimulatorServer(SimulatorOptions(auto="hold")) as simulator:
        client = Daraja(base_url=simulator.url)
        simulator.post("/simulator/clock/advance", {"seconds": 60})
    """

    def __init__(
        self,
        options: SimulatorOptions | None = None,
        *,
        state: SimulatorState | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.state = state or SimulatorState(options)
        self._server = bind(self.state, host, port)
        self.url = f"http://{host}:{self._server.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_INTERVAL,), daemon=True
        )
        self._thread.start()

    def get(self, path: str) -> Any:
        """GET a path of the control API; return its JSON. Raises requests.HTTPError."""
        return self._call("GET", path, None)

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """POST to a path of the control API; return its JSON. Raises requests.HTTPError."""
        return self._call("POST", path, body or {})

    def stop(self) -> None:
        """Stop the server and the clock. A second call does nothing."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self.state.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        with requests.Session() as session:
            session.trust_env = False
            response = session.request(method, self.url + path, json=body, timeout=60)
            response.raise_for_status()
            return response.json()
