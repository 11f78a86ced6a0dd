"""What tests share: a clock of their own, settings, and a service that listens on a port."""

import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import event, select
from werkzeug.serving import WSGIRequestHandler, make_server

from daraja_simulator.server import SimulatorServer
from mpesa_service.app import build_app
from mpesa_service.config import Settings, load_settings
from mpesa_service.core.database import Database
from mpesa_service.core.runtime import Runtime, build_runtime
from mpesa_service.models import CallbackInbox, Payment, PaymentEvent, Refund
from mpesa_service.web.auth import make_token
from mpesa_service.web.blueprint import RUNTIME

PHONE = "254712345678"
ENCRYPTION_KEY = "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="
SECRET = "test-secret-test-secret-test-secret!"


class TestClock:
    """A clock that stands still until it is moved."""

    __test__ = False

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def environment(**changes: str) -> dict[str, str]:
    """Return an environment that the service starts with, changed."""
    values = {
        "MPESA_ENVIRONMENT": "simulator",
        "MPESA_CERTIFICATE_PATH": "never-read.pem",
        "DATABASE_URL": "sqlite:////no-such-folder/never-opened.db",  # a test that opens it fails
        "JWT_SECRET_KEY": SECRET,
        "PHONE_ENCRYPTION_KEYS": ENCRYPTION_KEY,
        "PHONE_HASH_KEY": SECRET,
        "RATELIMIT_ENABLED": "false",
        "BALANCE_EVERY": "0",
        "C2B_VERIFY_PERCENT": "0",
    }
    return {**values, **changes}


class _QuietHandler(WSGIRequestHandler):
    def log_request(self, *_: Any) -> None:
        return


class Listening:
    """An application on a free port, in a thread."""

    def __init__(self) -> None:
        self.app: Flask | None = None
        self._server = make_server(
            "127.0.0.1", 0, self._dispatch, threaded=True, request_handler=_QuietHandler
        )
        self._server.daemon_threads = False  # so that stop() waits for them
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def _dispatch(self, environ: Any, start_response: Any) -> Any:
        assert self.app is not None
        return self.app(environ, start_response)

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@dataclass
class Service:
    """A service under test, the simulator that it talks to, and its time."""

    app: Flask
    runtime: Runtime
    simulator: SimulatorServer
    clock: TestClock
    url: str
    tokens: dict[str, str] = field(default_factory=dict)

    def token(self, subject: str = "shop", *roles: str) -> str:
        key = " ".join((subject, *roles))
        if key not in self.tokens:
            self.tokens[key] = make_token(self.app, subject, list(roles), timedelta(hours=1))
        return self.tokens[key]

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        by: str | None = "shop",
        admin: bool = False,
        **headers: str,
    ) -> Any:
        """Call the API in this process; return Flask's test response."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if by is not None:
            sent["Authorization"] = f"Bearer {self.token(by, *(['admin'] if admin else []))}"
        arguments: dict[str, Any] = {"headers": sent}
        if body is not None:
            arguments["json"] = body
        return self.app.test_client().open(f"/api/mpesa{path}", method=method, **arguments)

    def initiate(self, order: str = "ORDER1", amount: int = 100, phone: str = PHONE, **more: Any) -> Any:
        body = {"orderId": order, "amount": amount, "phoneNumber": phone}
        return self.call("POST", "/initiate", body, **more)

    def pending(self, order: str = "ORDER1", amount: int = 100, phone: str = PHONE) -> str:
        """Start a payment whose prompt waits; return its CheckoutRequestID."""
        answer = self.initiate(order, amount, phone)
        assert answer.status_code == 201, answer.json
        return str(answer.json["data"]["checkoutRequestId"])

    def paid(self, order: str = "ORDER1", amount: int = 100, phone: str = PHONE) -> str:
        """Start a payment and pay it; return its CheckoutRequestID."""
        checkout = self.pending(order, amount, phone)
        self.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
        assert self.payment(checkout)["status"] == "succeeded"
        return checkout

    def payment(self, reference: str) -> dict[str, Any]:
        answer = self.call("GET", f"/query/{reference}", by="admin", admin=True)
        assert answer.status_code == 200, answer.json
        return dict(answer.json["data"])

    def refund(self, reference: str, amount: int | None = None, **more: Any) -> Any:
        body = {} if amount is None else {"amount": amount}
        return self.call("POST", f"/{reference}/refund", body, by="boss", admin=True, **more)

    def ledger(self) -> dict[str, Any]:
        return dict(self.simulator.get("/simulator/ledger"))

    def row(self, reference: str) -> Payment:
        """Return the payment's row, by CheckoutRequestID or id."""
        checkout_hash = self.runtime.encryption.blind_index("checkout", reference)
        with self.runtime.database.read() as session:
            return session.scalars(
                select(Payment).where((Payment.checkout_id_hash == checkout_hash) | (Payment.id == reference))
            ).one()

    def events(self, payment_id: str) -> list[PaymentEvent]:
        with self.runtime.database.read() as session:
            statement = select(PaymentEvent).where(PaymentEvent.payment_id == payment_id)
            return list(session.scalars(statement.order_by(PaymentEvent.sequence)))

    def inbox(self) -> list[CallbackInbox]:
        with self.runtime.database.read() as session:
            return list(session.scalars(select(CallbackInbox).order_by(CallbackInbox.id)))

    def payments(self) -> list[Payment]:
        with self.runtime.database.read() as session:
            return list(session.scalars(select(Payment).order_by(Payment.id)))

    def refunds(self) -> list[Refund]:
        with self.runtime.database.read() as session:
            return list(session.scalars(select(Refund).order_by(Refund.id)))

    def callback_url(self, checkout: str) -> str:
        """Return the payment's own callback address, as the simulator received it."""
        prompts = self.simulator.get("/simulator/prompts")["prompts"]
        return next(str(p["callbackUrl"]) for p in prompts if p["checkoutRequestId"] == checkout)


def start_service(
    listening: Listening, simulator: SimulatorServer, clock: TestClock, env: dict[str, str]
) -> Service:
    settings = load_settings(env)
    runtime = build_runtime(settings, clock, jitter=lambda: 1.0, database=database_of(settings))
    app = application(settings, runtime)
    listening.app = app
    return Service(app, runtime, simulator, clock, listening.url)


_databases: dict[tuple[str, int], Database] = {}


def database_of(settings: Settings) -> Database:
    """Return the settings' database, without a connection.

    The tests of one process share it. Compiling the same statements for each of them takes almost half of
    their time.
    """
    key = (settings.database_url, settings.database_pool_size)
    if key not in _databases:
        _databases[key] = Database(settings.database_url, pool_size=settings.database_pool_size)
        do_not_wait_for_the_disk(_databases[key])
    _databases[key].dispose()
    return _databases[key]


def do_not_wait_for_the_disk(database: Database) -> None:
    """Let SQLite commit without waiting for the disk. What a killed process committed still stays."""
    if database.is_sqlite:

        @event.listens_for(database.engine, "connect")
        def relax(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA synchronous=OFF").close()


_shared: list[tuple[Settings, Flask]] = []
"""The last application that `application` built for sharing, with its settings."""


def application(settings: Settings, runtime: Runtime) -> Flask:
    """Return an application bound to the runtime.

    Building one takes longer than most tests. Only the runtime knows the database, so tests that differ in
    nothing else share one application, one after the other. One that counts requests is not shared.
    """
    settings = replace(settings, database_url="")
    if settings.ratelimit_enabled or not _shared or _shared[0][0] != settings:
        _shared[:] = [(settings, build_app(settings, runtime))]
    app = _shared[0][1]
    app.extensions[RUNTIME] = runtime
    return app
