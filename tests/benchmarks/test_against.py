"""The comparison with an older commit: how it is unpacked, and how payments are started and settled."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import stub
from benchmarks.against.builds import Build, commit_of, unpacked
from benchmarks.against.comparison import NEW, OLD, against_old
from benchmarks.against.sides import paid_request
from benchmarks.bars import at_most
from benchmarks.load import drive
from benchmarks.rounds import Sample, cpu_us
from benchmarks.wire import request
from mpesa_service.daraja import parse_stk_callback

PUSH = {
    "CallBackURL": "https://shop.example/api/mpesa/callback/tok3n",
    "PhoneNumber": 254700000001,
    "Amount": 7,
}
INTERRUPTED = """
import sys, time
from pathlib import Path
from benchmarks.against.builds import unpacked
with unpacked("HEAD", Path(sys.argv[1])) as folder:
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose file differs between its two commits."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@example.com"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    for text in ("first", "second"):
        (folder / "file.txt").write_text(text)
        subprocess.run([*git, "add", "file.txt"], check=True)
        subprocess.run([*git, "commit", "--quiet", "-m", text], check=True)
    return folder


def test_a_commit_is_unpacked_and_removed_afterwards(repository: Path) -> None:
    with unpacked("HEAD~1", repository) as folder:
        assert (folder / "file.txt").read_text() == "first"
    assert not folder.parent.exists()
    assert (repository / "file.txt").read_text() == "second"


def test_ctrl_c_removes_the_folder(repository: Path) -> None:
    command = [sys.executable, "-c", INTERRUPTED, str(repository)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        assert running.stdout is not None
        folder = Path(running.stdout.readline().strip())
        assert (folder / "file.txt").exists()
        running.send_signal(2)
        running.wait(30)
    assert not folder.parent.exists()


def test_an_unknown_revision_is_named(repository: Path) -> None:
    with pytest.raises(RuntimeError, match="no-such-revision"):
        commit_of("no-such-revision", repository)


@pytest.mark.parametrize(
    ("setup", "expected"),
    [
        ("[metadata]\nname = x\n", ["-m", "flask", "--app", "wsgi", "mpesa", "--help"]),
        ("[options.entry_points]\nconsole_scripts =\n    mpesa = one.two:main\n", ["-c"]),
    ],
)
def test_the_help_is_that_of_the_command_that_the_build_has(
    tmp_path: Path, setup: str, expected: list[str]
) -> None:
    (tmp_path / "setup.cfg").write_text(setup)
    assert Build("old", tmp_path).help_command()[: len(expected)] == expected


def test_a_console_command_is_run_with_help(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").write_text("[options.entry_points]\nconsole_scripts =\n    mpesa = cli:main\n")
    (tmp_path / "cli.py").write_text("import sys\ndef main(): print(sys.argv)\n")
    build = Build("new", tmp_path)
    assert build.run(build.help_command(), os.environ).strip() == "['mpesa', '--help']"


def test_a_build_that_imports_another_package_is_refused(tmp_path: Path) -> None:
    for name in ("one", "other"):
        package = tmp_path / name / "mpesa_service"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
    build = Build("old", tmp_path / "one")
    build.check({**os.environ, "PYTHONPATH": str(tmp_path / "other")})
    (tmp_path / "one" / "mpesa_service" / "__init__.py").write_text(f"__file__ = '{tmp_path}/other'")
    with pytest.raises(RuntimeError, match="instead of its own package"):
        build.check(os.environ)


def test_a_command_that_fails_is_reported_with_its_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no such luck"):
        Build("old", tmp_path).run(["-c", "raise SystemExit('no such luck')"], os.environ)


@pytest.fixture
def daraja() -> Iterator[Any]:
    with stub._Server(("127.0.0.1", 0), stub._Handler) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        yield SimpleNamespace(port=server.server_address[1])
        server.shutdown()
        serving.join()


def test_a_push_becomes_the_callback_of_a_paid_prompt(daraja: Any) -> None:
    stub.pushes(daraja.port)
    answered = drive(daraja.port, [request("POST", "/mpesa/stkpush/v1/processrequest", PUSH)], 1)
    assert answered.all_are(200)
    [push] = stub.pushes(daraja.port)
    assert stub.pushes(daraja.port) == []
    head, _, body = paid_request(push).partition(b"\r\n\r\n")
    assert head.startswith(b"POST /api/mpesa/callback/tok3n HTTP/1.1\r\n")
    read = parse_stk_callback(json.dumps(json.loads(body)).encode())
    assert (read.checkout_request_id, read.merchant_request_id) == (push.checkout_id, push.merchant_id)
    assert (read.phone, read.amount) == ("254700000001", 7)


def test_a_row_has_the_new_build_beside_the_old() -> None:
    samples = {NEW: [Sample(1, 1, 0.3), Sample(1, 1, 0.2)], OLD: [Sample(1, 1, 0.4), Sample(1, 1, 0.4)]}
    row = against_old("path", "web CPU µs", cpu_us, samples, at_most(0.75))
    assert (row.against, row.ratio, row.passed) == (OLD, pytest.approx(0.625), True)
