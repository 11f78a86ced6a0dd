"""The service that is measured: its environment, its tokens, and gunicorn for it or for a floor."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from benchmarks.processes import ROOT, Program
from devtools.ports import free_port
from mpesa_service.app import build_app
from mpesa_service.config import load_settings
from mpesa_service.core.log_format import configure
from mpesa_service.core.runtime import Runtime, build_runtime
from mpesa_service.web.auth import make_token

SECRET = "benchmark-secret-of-thirty-two-bytes"
ENCRYPTION_KEY = "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="
NO_LIMIT = "1000000000 per hour"
SHOP = "shop"
WORKERS = 1
THREADS = 64
"""The default number of threads, twice the number of the load's connections."""


@dataclass(frozen=True)
class Hosting:
    """The number of gunicorn's processes and threads; all contestants use the same."""

    workers: int = WORKERS
    threads: int = THREADS


def environment(database_url: str, daraja_port: int, **changes: str) -> dict[str, str]:
    """Return the environment of a service; it counts rate limits, and never reaches them."""
    return {
        **os.environ,
        "MPESA_ENVIRONMENT": "simulator",
        "MPESA_BASE_URL": f"http://127.0.0.1:{daraja_port}",
        "DATABASE_URL": database_url,
        "JWT_SECRET_KEY": SECRET,
        "PHONE_ENCRYPTION_KEYS": ENCRYPTION_KEY,
        "PHONE_HASH_KEY": SECRET,
        "RATELIMIT_DEFAULT": NO_LIMIT,
        "RATELIMIT_REFUNDS": NO_LIMIT,
        "RATELIMIT_PROMPTS": NO_LIMIT,
        **changes,
    }


def runtime_of(env: dict[str, str]) -> Runtime:
    """Return a runtime in this process, with the keys and the database of the service."""
    return build_runtime(load_settings(env))


def token_of(env: dict[str, str], subject: str = SHOP) -> str:
    """Return a bearer token that is valid for a day."""
    settings = load_settings(env)
    return make_token(build_app(settings), subject, [], timedelta(days=1))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@contextmanager
def logging_into(path: Path) -> Iterator[None]:
    """Write the service's log lines in this process into a file."""
    configure("INFO")
    ours = [one for one in logging.getLogger().handlers if isinstance(one, logging.StreamHandler)]
    with path.open("a") as file:
        before = [handler.setStream(file) for handler in ours]
        try:
            yield
        finally:
            for handler, stream in zip(ours, before, strict=True):
                handler.setStream(stream or sys.stderr)


def hosted(app: str, env: dict[str, str], hosting: Hosting, logs: Path, *, folder: Path = ROOT) -> Program:
    """Return gunicorn in front of `app`, with the gunicorn.conf.py of `folder`.

    A single worker is pinned to one core, the same core for every server that is compared.
    """
    port = free_port()
    settings = {
        "PORT": str(port),
        "BIND": f"127.0.0.1:{port}",
        "WEB_CONCURRENCY": str(hosting.workers),
        "WEB_THREADS": str(hosting.threads),
        "DATABASE_POOL_SIZE": str(hosting.threads),
    }
    if hosting.workers > 1:  # workers cannot share counts in memory
        settings["RATELIMIT_ENABLED"] = "false"
    # No worker restarts during a round.
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "--max-requests", "0", app]
    log = logs / f"{app.partition(':')[0]}-{port}.log"
    return Program(command, port, {**env, **settings}, log, cwd=folder, on_one_core=hosting.workers == 1)
