"""The child processes, in the order of their start, and which lines of their logs the terminal shows."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from devtools.environment import INITIATOR_PASSWORD
from devtools.paths import ROOT, LocalPaths
from devtools.ports import HOST

ORDER_SERVICE = ROOT / "examples" / "order_service.py"
_SHOWN_LEVELS = ("WARNING", "ERROR", "CRITICAL")


def every_line(line: str) -> str | None:
    """Show the line unchanged."""
    return line


def only_warnings(line: str) -> str | None:
    """Show level and message of a warning or error in JSON, and every line that is not JSON."""
    try:
        event = json.loads(line)
    except ValueError:
        return line
    if not isinstance(event, dict) or event.get("level") not in _SHOWN_LEVELS:
        return None
    return f"{event['level']} {event.get('message', '')}".rstrip()


def _only_json_warnings(line: str) -> str | None:
    """Do as `only_warnings`, without the banner that Celery prints."""
    return only_warnings(line) if line.startswith("{") else None


@dataclass(frozen=True, slots=True)
class Program:
    """A child process that runs until it is stopped.

    `health` is an address that answers 200 once the program is ready. A program without one is ready at once.
    `environment` replaces the supervisor's environment.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    health: str | None = None
    shown: Callable[[str], str | None] = only_warnings
    environment: Mapping[str, str] | None = None


def process_table(paths: LocalPaths) -> tuple[Program, ...]:
    """Return the programs. The first is the simulator, which the others need before they start."""
    simulator = Program(
        "simulator",
        (
            *_python("daraja_simulator"),
            *("--port", str(paths.simulator_port)),
            *("--set", f"initiator_password={INITIATOR_PASSWORD}"),
        ),
        paths.directory / "simulator.log",
        f"{paths.simulator_url}/simulator/health",
        every_line,
    )
    service = Program(
        "service",
        (*_python("gunicorn"), "-c", "gunicorn.conf.py", "wsgi:app"),
        paths.directory / "service.log",
        f"{paths.url}/readyz",
    )
    worker = Program(
        "worker",
        (
            *_python("celery"),
            *("-A", "mpesa_service.jobs.worker", "worker", "--beat", "--pool", "threads"),
            *("--concurrency", "4", "--without-gossip", "--without-mingle", "--without-heartbeat"),
        ),
        paths.directory / "worker.log",
        shown=_only_json_warnings,
    )
    return (simulator, service, worker)


def order_service(directory: Path, port: int, secret: str, environ: Mapping[str, str]) -> Program:
    """Return the example order service. Of the service's secrets, it receives only the webhook `secret`."""
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
    """Return the command that migrates the database to the newest schema."""
    return (*_python("alembic"), "upgrade", "head")


def pull_registration(by: str) -> tuple[str, ...]:
    """Return the command that registers the shortcode for pulls."""
    return (*_python("flask"), "--app", "wsgi", "mpesa", "pull", "register", "--by", by)


def pull_run(by: str) -> tuple[str, ...]:
    """Return the command that fetches the money that the shortcode received."""
    return (*_python("flask"), "--app", "wsgi", "mpesa", "pull", "run", "--by", by)


def statement_import(path: Path, by: str) -> tuple[str, ...]:
    """Return the command that imports a statement and applies it."""
    command = ("mpesa", "statements", "import", str(path), "--by", by, "--apply")
    return (*_python("flask"), "--app", "wsgi", *command)


def verification(simulator_url: str) -> tuple[str, ...]:
    """Return the command that checks every invariant, also against the simulator's ledger."""
    return (*_python("flask"), "--app", "wsgi", "mpesa", "verify", "--settled", "--ledger", simulator_url)


def token(subject: str, *roles: str, hours: int) -> tuple[str, ...]:
    """Return the command that prints a token."""
    role_options = [word for role in roles for word in ("--role", role)]
    options = ("--app", "wsgi", "mpesa", "token", "--sub", subject, "--hours", str(hours))
    return (*_python("flask"), *options, *role_options)


def _python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module)
