"""The simulator's own distribution: it builds, installs without the service, and runs."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
import requests
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

SOURCE = Path(__file__).parents[2] / "daraja_simulator"
UV = [sys.executable, "-m", "uv", "--offline", "--quiet"]


def _dependencies(names: list[str]) -> set[str]:
    """Return the installed distributions that these requirements need, with those that they need in turn."""
    found: set[str] = set()
    while names:
        requirement = Requirement(names.pop())
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        name = canonicalize_name(requirement.name)
        if applies and name not in found:
            found.add(name)
            names += distribution(name).requires or []
    return found


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the built wheel and the distributions that its metadata requires."""
    folder = tmp_path_factory.mktemp("distribution")
    source, home = folder / "source", folder / "environment"
    shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    build = ["build", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o", str(folder)]
    subprocess.run([*UV, *build, str(source)], check=True, cwd=folder)
    [wheel] = folder.glob("*.whl")
    subprocess.run([*UV, "venv", "--python", sys.executable, str(home)], check=True)
    python = home / "bin" / "python"
    subprocess.run([*UV, "pip", "install", "--python", str(python), "--no-deps", str(wheel)], check=True)
    [site] = home.glob("lib/python*/site-packages")
    [metadata] = site.glob("daraja_simulator-*.dist-info/METADATA")
    required = re.findall(r"^Requires-Dist: (.*)$", metadata.read_text(), re.MULTILINE)
    for name in _dependencies(required):
        for file in distribution(name).files or ():
            if file.suffix != ".pyc" and file.parts[0] != "..":
                target = site / file
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(Path(str(file.locate())))
    return home


@pytest.fixture(scope="module")
def address(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the installed simulator, started far from the checkout."""
    command = [str(environment / "bin" / "daraja-simulator"), "--port", "0"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=tmp_path_factory.mktemp("elsewhere"), env=clean
    ) as process:
        assert process.stdout is not None
        found = re.search(r"http://[0-9.:]+", process.stdout.readline())
        assert found is not None
        yield found[0]
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_the_service_is_not_in_the_environment(environment: Path) -> None:
    code = "import daraja_simulator, importlib.util as u; print(u.find_spec('mpesa_service'))"
    command = [str(environment / "bin" / "python"), "-I", "-c", code]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "None\n"


def test_it_answers(address: str) -> None:
    token = requests.get(
        f"{address}/oauth/v1/generate?grant_type=client_credentials", auth=("key", "secret"), timeout=10
    )
    assert token.json()["access_token"]
    assert requests.get(f"{address}/simulator/health", timeout=10).json()["status"] == "ok"


@pytest.mark.parametrize("page", ["", "phone", "phone/254712345678", "certificate"])
def test_its_pages_are_in_the_wheel(address: str, page: str) -> None:
    assert requests.get(f"{address}/simulator/{page}", timeout=10).status_code == 200


def test_its_help_names_the_command(environment: Path) -> None:
    command = [str(environment / "bin" / "daraja-simulator"), "--help"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert shown.startswith("usage: daraja-simulator ")
