"""The peers: installed from their lock file into their own folder, and hosted like the service."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from sqlalchemy.engine import make_url

from benchmarks.processes import ROOT, Program
from benchmarks.service import Hosting
from devtools.ports import free_port

LOCK = ROOT / "benchmarks" / "peers.lock"
SITE = ROOT / "benchmarks" / "peer_site"
FOLDER = ROOT / "var" / "bench" / "peers"
SHOWN = ("mainfinity-django-mpesa", "django-daraja", "Django", "djangorestframework")
KEPT_SECONDS = 60
"""CONN_MAX_AGE of the tuned site: for how many seconds Django keeps a connection."""


def install() -> Path:
    """Return the Python that has the peers; install them if the lock file has changed."""
    python, stamp = FOLDER / "bin" / "python", FOLDER / "installed"
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(FOLDER)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", str(LOCK)], check=True)
        stamp.write_text(wanted)
    return python


def versions(python: Path) -> dict[str, str]:
    """Return the installed versions of the peers."""
    code = f"from importlib.metadata import version\nfor name in {SHOWN!r}: print(name, version(name))"
    found = subprocess.run([str(python), "-c", code], check=True, capture_output=True, text=True).stdout
    return dict(line.split(" ") for line in found.splitlines())


def environment(database_url: str, *, tuned: bool = False) -> dict[str, str]:
    """Return the environment of the peers' site; the tuned site keeps its connections."""
    url = make_url(database_url)
    host = url.host or str(url.query.get("host", ""))
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "peer_settings",
        "PEER_DATABASE": url.database or "",
        "PEER_HOST": host,
        "PEER_PORT": str(url.port or url.query.get("port", "")),
        "PEER_USER": url.username or "",
        "PEER_PASSWORD": url.password or "",
        "PEER_CONN_MAX_AGE": str(KEPT_SECONDS if tuned else 0),
    }


def make_tables(python: Path, env: dict[str, str]) -> None:
    command = [str(python), "-m", "django", "migrate", "--run-syncdb", "--verbosity", "0"]
    subprocess.run(command, cwd=SITE, env={**env, "PYTHONPATH": str(SITE)}, check=True)


def hosted(python: Path, env: dict[str, str], hosting: Hosting, logs: Path) -> Program:
    """Return gunicorn in front of the peers' site, pinned to the same core as the service."""
    port = free_port()
    settings = {
        "BIND": f"127.0.0.1:{port}",
        "WEB_CONCURRENCY": str(hosting.workers),
        "WEB_THREADS": str(hosting.threads),
    }
    command = [str(python), "-m", "gunicorn", "-c", "gunicorn.conf.py", "peer_wsgi:application"]
    log = logs / f"peers-{port}.log"
    return Program(command, port, {**env, **settings}, log, cwd=SITE, on_one_core=hosting.workers == 1)
