"""Where a local pair lives: its directory, its ports, and the addresses and files that follow from them."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from devtools.keys import write_private
from devtools.ports import HOST

ROOT = Path(__file__).resolve().parents[1]
"""The checkout, which holds `wsgi.py`, `gunicorn.conf.py` and `alembic.ini`."""


@dataclass(frozen=True, slots=True)
class Place:
    """A directory and two ports."""

    directory: Path
    port: int
    simulator_port: int

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def simulator_url(self) -> str:
        return f"http://{HOST}:{self.simulator_port}"

    @property
    def secrets(self) -> Path:
        return self.directory / "local.env"

    @property
    def settings(self) -> Path:
        """What the service is started with, for a shell to read."""
        return self.directory / "service.env"

    @property
    def certificate(self) -> Path:
        return self.directory / "simulator.pem"

    @property
    def record(self) -> Path:
        """Where `run` leaves word of itself."""
        return self.directory / "run.json"


@dataclass(frozen=True, slots=True)
class Ready:
    """A pair that answers, and tokens that it takes."""

    url: str
    simulator_url: str
    user_token: str
    admin_token: str
    pid: int

    def save(self, path: Path) -> None:
        """Write it as JSON, for its owner only: it holds tokens."""
        write_private(path, json.dumps({_camel(name): value for name, value in asdict(self).items()}) + "\n")

    @classmethod
    def load(cls, path: Path) -> "Ready | None":
        """Return what was saved there, or None when nothing usable is."""
        try:
            saved: dict[str, Any] = json.loads(path.read_text())
            return cls(**{name: saved[_camel(name)] for name in cls.__dataclass_fields__})
        except (OSError, ValueError, KeyError, TypeError):
            return None


def forget(path: Path) -> None:
    """Remove a record if it is this process's own."""
    ready = Ready.load(path)
    if ready is not None and ready.pid == os.getpid():
        path.unlink(missing_ok=True)


def shown_path(path: Path) -> str:
    """Return a path as a person in the checkout would type it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
