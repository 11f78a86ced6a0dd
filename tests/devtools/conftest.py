"""Runs of the command on free ports, and what the operating system reports about their processes."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import requests_mock
from rich.console import Console

from devtools.console_output import ConsoleOutput
from devtools.paths import ROOT, LocalPaths
from devtools.ports import free_port

TIMEOUT = 40


def eventually(condition: Callable[[], Any], what: str) -> Any:
    """Return the condition's first true value. Fail after a time-out."""
    deadline = time.monotonic() + TIMEOUT
    while not (value := condition()):
        assert time.monotonic() < deadline, f"timed out: {what}"
        time.sleep(0.02)
    return value


def descendants(pid: int) -> set[int]:
    """Return the pids of all living descendants."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            parents[int(stat.parent.name)] = int(parent)
    found, fresh = set(), {pid}
    while fresh := {child for child, parent in parents.items() if parent in fresh}:
        found |= fresh
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def pid_of(parent: int, word: str) -> int | None:
    """Return the oldest descendant whose command line contains the word."""
    return min((pid for pid in descendants(parent) if word in command_line(pid)), default=None)


def clean_environment() -> dict[str, str]:
    """Return this environment without any settings."""
    unwanted = ("MPESA_", "JWT_", "PHONE_", "DATABASE_", "RATELIMIT_", "PORT", "SIMULATOR_PORT", "COVERAGE")
    return {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}


def launch(paths: LocalPaths, output: Path, *arguments: str, **variables: str) -> "subprocess.Popen[bytes]":
    """Start the command in its own process group and write its output to a file."""
    ports = {"PORT": str(paths.port), "SIMULATOR_PORT": str(paths.simulator_port)}
    with output.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "devtools", *arguments, "--directory", str(paths.directory)],
            cwd=ROOT,
            env=clean_environment() | ports | variables,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@dataclass
class Running:
    """A `run` that is ready."""

    paths: LocalPaths
    process: "subprocess.Popen[bytes]"
    output: Path
    ready_file: Path

    @property
    def ready(self) -> dict[str, Any]:
        return json.loads(self.ready_file.read_text())

    def printed(self) -> str:
        return self.output.read_text()

    def call(self, method: str, path: str, token: str = "userToken", **body: Any) -> requests.Response:
        ready = self.ready
        headers = {"Authorization": f"Bearer {ready[token]}"}
        url = f"{ready['url']}/api/mpesa/{path}"
        return requests.request(method, url, json=body or None, headers=headers, timeout=15)

    def simulator(self, path: str, **body: Any) -> Any:
        url = f"{self.ready['simulatorUrl']}/simulator/{path}"
        return requests.request("POST" if body else "GET", url, json=body or None, timeout=15).json()

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(TIMEOUT)


def start_run(directory: Path, *arguments: str) -> Running:
    """Start `run` in a directory and wait until it is ready."""
    paths = LocalPaths(directory / "var", free_port(), free_port())
    output, ready_file = directory / "output.txt", directory / "ready.json"
    process = launch(paths, output, "run", "--ready-file", str(ready_file), *arguments)
    eventually(lambda: ready_file.exists() or process.poll() is not None, "ready")
    running = Running(paths, process, output, ready_file)
    assert process.poll() is None, running.printed()
    return running


@pytest.fixture
def paths(tmp_path: Path) -> LocalPaths:
    return LocalPaths(tmp_path / "var", free_port(), free_port())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One `run` for the tests of a module. The last test can end it."""
    running = start_run(tmp_path_factory.mktemp("run"))
    yield running
    if running.process.poll() is None:
        running.end()


@pytest.fixture
def printed() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def output(printed: io.StringIO) -> ConsoleOutput:
    return ConsoleOutput(Console(file=printed, width=60))


@pytest.fixture
def wire() -> Iterator[requests_mock.Mocker]:
    with requests_mock.Mocker() as mocker:
        yield mocker
