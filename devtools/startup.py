"""From nothing to a pair that takes payments."""

import os
from http import HTTPStatus

import requests

from devtools.place import ROOT, Place, Ready, shown_path
from devtools.ports import require_free
from devtools.problems import LocalProblem
from devtools.processes import Crew
from devtools.programs import Program, migration, token

TOKEN_HOURS = 7 * 24
_NEEDED = ("wsgi.py", "gunicorn.conf.py", "alembic.ini")


def prepare(place: Place) -> None:
    """Make the directory. Raises LocalProblem when it, the checkout or a port cannot be used."""
    missing = [name for name in _NEEDED if not (ROOT / name).exists()]
    if missing:
        raise LocalProblem(f"{ROOT} is not a checkout of the service: {', '.join(missing)} is not there.")
    if place.port == place.simulator_port:
        raise LocalProblem(f"PORT and SIMULATOR_PORT are both {place.port}; they must differ.")
    require_free(place.port, "PORT")
    require_free(place.simulator_port, "SIMULATOR_PORT")
    try:
        place.directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalProblem(f"{shown_path(place.directory)} cannot be made: {error.strerror}.") from error


def start(crew: Crew, place: Place, programs: tuple[Program, ...]) -> Ready:
    """Migrate, start every program, make the tokens; return once all is ready."""
    simulator, *others = programs
    crew.start(simulator)
    crew.run_all([migration()])
    _await(crew, simulator)
    place.certificate.write_text(_get(f"{place.simulator_url}/simulator/certificate").text)
    for program in others:
        crew.start(program)
    tokens = [
        token("shop", hours=TOKEN_HOURS),
        token("operator", "admin", hours=TOKEN_HOURS),
    ]
    user, admin = crew.run_all(tokens)
    for program in others:
        _await(crew, program)
    return Ready(place.url, place.simulator_url, user, admin, os.getpid())


def answers(url: str) -> bool:
    """Tell whether a GET of this local address is answered with 200."""
    try:
        return _get(url).status_code == HTTPStatus.OK
    except requests.RequestException:
        return False


def local_session() -> requests.Session:
    """Return a session that no proxy setting leads away from this machine."""
    session = requests.Session()
    session.trust_env = False
    return session


def _await(crew: Crew, program: Program) -> None:
    health = program.health
    if health is not None:
        crew.wait_until(lambda: answers(health), program)


def _get(url: str) -> requests.Response:
    with local_session() as session:
        return session.get(url, timeout=2)
