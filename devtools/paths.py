"""The directory and ports of a local run, and the files and addresses that follow from them."""

from dataclasses import dataclass
from pathlib import Path

from devtools.ports import HOST

ROOT = Path(__file__).resolve().parents[1]
"""The checkout, which holds `wsgi.py`, `gunicorn.conf.py` and `alembic.ini`."""


@dataclass(frozen=True, slots=True)
class LocalPaths:
    """A directory and two ports."""

    directory: Path
    port: int
    simulator_port: int

    @property
    def url(self) -> str:
        """The service's address."""
        return f"http://{HOST}:{self.port}"

    @property
    def simulator_url(self) -> str:
        """The simulator's address."""
        return f"http://{HOST}:{self.simulator_port}"

    @property
    def secrets(self) -> Path:
        """The file that keeps the secrets from one run to the next."""
        return self.directory / "local.env"

    @property
    def settings(self) -> Path:
        """The service's settings, for a shell to read."""
        return self.directory / "service.env"

    @property
    def certificate(self) -> Path:
        """The simulator's certificate."""
        return self.directory / "simulator.pem"

    @property
    def record(self) -> Path:
        """The file in which `run` saves its addresses and tokens for other commands."""
        return self.directory / "run.json"


def shown_path(path: Path) -> str:
    """Return a path relative to the current directory if it lies inside it, otherwise in full."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
