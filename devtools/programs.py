"""The process table: what runs, in the order of starting, and what of its log a person wants to see."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from devtools.environment import INITIATOR_PASSWORD
from devtools.place import ROOT, Place
from devtools.ports import HOST

ORDER_SERVICE = ROOT / "examples" / "order_service.py"
_WORTH_SHOWING = ("WARNING", "ERROR", "CRITICAL")


def every_line(line: str) -> str | None:
    """Show the line as it is."""
    return line


def only_trouble(line: str) -> str | None:
    """Show level and message of a JSON line that tells of trouble, and any line that is no JSON."""
    try:
        event = json.loads(line)
    except ValueError:
        return line
    if not isinstance(event, dict) or event.get("level") not in _WORTH_SHOWING:
        return None
    return f"{event['level']} {event.get('message', '')}".rstrip()


def _only_json_trouble(line: str) -> str | None:
    """As `only_trouble`, without the banner that Celery prints."""
    return only_trouble(line) if line.startswith("{") else None


@dataclass(frozen=True, slots=True)
class Program:
    """One long-lived child. `health` answers 200 once it is ready; without one it is ready at once.

    `environment` is the child's own, instead of the crew's.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    health: str | None = None
    shown: Callable[[str], str | None] = only_trouble
    environment: Mapping[str, str] | None = None


def process_table(place: Place) -> tuple[Program, ...]:
    """Return the programs; the first is the simulator, which the others need before they start."""
    simulator = Program(
        "simulator",
        (
            *_python("daraja_simulator"),
            *("--port", str(place.simulator_port)),
            *("--set", f"initiator_password={INITIATOR_PASSWORD}"),
        ),
        place.directory / "simulator.log",
        f"{place.simulator_url}/simulator/health",
        every_line,
    )
    service = Program(
        "service",
        (*_python("gunicorn"), "-c", "gunicorn.conf.py", "wsgi:app"),
        place.directory / "service.log",
        f"{place.url}/readyz",
    )
    worker = Program(
        "worker",
        (
            *_python("celery"),
            *("-A", "mpesa_service.jobs.worker", "worker", "--beat", "--pool", "threads"),
            *("--concurrency", "4", "--without-gossip", "--without-mingle", "--without-heartbeat"),
        ),
        place.directory / "worker.log",
        shown=_only_json_trouble,
    )
    return (simulator, service, worker)


def order_service(directory: Path, port: int, secret: str, environ: Mapping[str, str]) -> Program:
    """Return the example that fulfils orders; it is a stranger to the service's secrets, but for `secret`."""
    return Program(
        "order service",
        (*_python("flask"), *("--app", str(ORDER_SERVICE), "run", "--host", HOST, "--port", str(port))),
        directory / "orders.log",
        f"http://{HOST}:{port}/orders",
        environment={
            **environ,
            "WEBHOOK_SECRET": secret,
            "ORDERS_DATABASE": str(directory / "orders.db"),
        },
    )


def migration() -> tuple[str, ...]:
    """Return the command that brings the database's schema to this code's."""
    return (*_python("alembic"), "upgrade", "head")


def verification(simulator_url: str) -> tuple[str, ...]:
    """Return the command that checks every rule of the books, also against the simulator's ledger."""
    return (*_python("flask"), "--app", "wsgi", "mpesa", "verify", "--settled", "--ledger", simulator_url)


def token(subject: str, *roles: str, hours: int) -> tuple[str, ...]:
    """Return the command that prints a token."""
    carried = [word for role in roles for word in ("--role", role)]
    made = ("--app", "wsgi", "mpesa", "token", "--sub", subject, "--hours", str(hours))
    return (*_python("flask"), *made, *carried)


def _python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module)
