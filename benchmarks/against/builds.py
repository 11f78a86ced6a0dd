"""The two builds that are compared: this tree, and a commit that is unpacked beside it for the run."""

import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from configparser import ConfigParser
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import ROOT, Program
from benchmarks.service import Hosting, hosted

OLD_SETTINGS = {"WEB_ONE_CORE": "false"}
"""Settings of older builds that would change the hosting; the benchmark itself pins every server."""
_HIDDEN = ("PYTHONPATH", "PYTHONSAFEPATH", "PYTHONDONTWRITEBYTECODE")
"""Variables that could make one build import the other, or compile itself again at every start."""


@dataclass(frozen=True)
class Build:
    """One build: its name in the table, and the folder that holds its source."""

    name: str
    folder: Path

    def environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """Return `env` without the variables that would mix up the two builds."""
        return {**{name: value for name, value in env.items() if name not in _HIDDEN}, **OLD_SETTINGS}

    def run(self, command: Sequence[str], env: Mapping[str, str]) -> str:
        """Run Python with these arguments in the build's folder; return its output, or raise RuntimeError."""
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env=self.environment(env),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{self.name}: {' '.join(command)} failed:\n{done.stderr}")
        return done.stdout

    def migrate(self, env: Mapping[str, str]) -> None:
        self.run(["-m", "alembic", "upgrade", "head"], env)

    def serve(self, env: Mapping[str, str], logs: Path) -> Program:
        return hosted("wsgi:app", self.environment(env), Hosting(), logs, folder=self.folder)

    def help_command(self) -> list[str]:
        """Return the Python arguments that print the operator commands' help.

        A build with a console command `mpesa` is measured by that command, an older one by `flask mpesa`.
        """
        setup = ConfigParser()
        setup.read(self.folder / "setup.cfg")
        scripts = setup.get("options.entry_points", "console_scripts", fallback="")
        commands = dict(line.replace(" ", "").split("=") for line in scripts.strip().splitlines())
        if "mpesa" not in commands:
            return ["-m", "flask", "--app", "wsgi", "mpesa", "--help"]
        module, _, function = commands["mpesa"].partition(":")
        code = f"import sys; sys.argv = ['mpesa', '--help']; from {module} import {function}; {function}()"
        return ["-c", code]

    def check(self, env: Mapping[str, str]) -> None:
        """Raise RuntimeError unless the build imports its own package."""
        code = "import mpesa_service; print(mpesa_service.__file__)"
        found = Path(self.run(["-c", code], env).strip())
        if not found.is_relative_to(self.folder):
            raise RuntimeError(f"{self.name} imports {found} instead of its own package in {self.folder}")


@contextmanager
def unpacked(revision: str, repository: Path = ROOT) -> Iterator[Path]:
    """Yield a temporary folder with the files of a commit; it is removed afterwards.

    Raises RuntimeError if git does not know the revision.
    """
    with tempfile.TemporaryDirectory(prefix="mpesa-bench-old-") as name:
        archive, folder = Path(name, "tree.tar"), Path(name, "tree").resolve()
        _git(repository, "archive", f"--output={archive}", commit_of(revision, repository))
        with tarfile.open(archive) as files:
            files.extractall(folder, filter="data")
        yield folder


def commit_of(revision: str, repository: Path = ROOT) -> str:
    """Return the first twelve digits of the revision's commit; raise RuntimeError if git does not know it."""
    return _git(
        repository, "rev-parse", "--verify", "--quiet", "--short=12", f"{revision}^{{commit}}"
    ).strip()


def tree_name(repository: Path = ROOT) -> str:
    """Return the commit of the working tree; `-dirty` follows if tracked files differ from it."""
    return _git(repository, "describe", "--always", "--dirty", "--abbrev=12", "--match=").strip()


def _git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(repository), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"git {' '.join(arguments)} failed: {done.stderr.strip() or 'unknown revision'}")
    return done.stdout
