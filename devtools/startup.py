"""Starts simulator, service and worker, and waits until they take payments."""

import os
from http import HTTPStatus

import requests

from devtools.errors import DevtoolsError
from devtools.paths import ROOT, LocalPaths, shown_path
from devtools.ports import require_free
from devtools.programs import Program, migration, token
from devtools.running_stack import RunningStack
from devtools.supervisor import Supervisor

TOKEN_HOURS = 7 * 24
_REQUIRED_FILES = ("wsgi.py", "gunicorn.conf.py", "alembic.ini")


def prepare(paths: LocalPaths) -> None:
    """Create the directory. Raises DevtoolsError if the directory, the checkout or a port is unusable."""
    missing = [name for name in _REQUIRED_FILES if not (ROOT / name).exists()]
    if missing:
        raise DevtoolsError(f"{ROOT} is not a checkout of the service. It lacks {', '.join(missing)}.")
    if paths.port == paths.simulator_port:
        raise DevtoolsError(f"PORT and SIMULATOR_PORT are both {paths.port}. They must differ.")
    require_free(paths.port, "PORT")
    require_free(paths.simulator_port, "SIMULATOR_PORT")
    try:
        paths.directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DevtoolsError(f"Cannot create {shown_path(paths.directory)}: {error.strerror}.") from error


def start(supervisor: Supervisor, paths: LocalPaths, programs: tuple[Program, ...]) -> RunningStack:
    """Migrate the database, start every program and create the tokens. Return once all programs are ready."""
    simulator, *others = programs
    supervisor.start(simulator)
    supervisor.run_all([migration()])
    _await(supervisor, simulator)
    paths.certificate.write_text(_get(f"{paths.simulator_url}/simulator/certificate").text)
    for program in others:
        supervisor.start(program)
    tokens = [
        token("shop", hours=TOKEN_HOURS),
        token("operator", "admin", hours=TOKEN_HOURS),
    ]
    user, admin = supervisor.run_all(tokens)
    for program in others:
        _await(supervisor, program)
    return RunningStack(paths.url, paths.simulator_url, user, admin, os.getpid())


def is_up(url: str) -> bool:
    """Return whether a GET of this local address returns status 200."""
    try:
        return _get(url).status_code == HTTPStatus.OK
    except requests.RequestException:
        return False


def local_session() -> requests.Session:
    """Return a session that ignores the machine's proxy settings."""
    session = requests.Session()
    session.trust_env = False
    return session


def _await(supervisor: Supervisor, program: Program) -> None:
    health = program.health
    if health is not None:
        supervisor.wait_until(lambda: is_up(health), program)


def _get(url: str) -> requests.Response:
    with local_session() as session:
        return session.get(url, timeout=2)
