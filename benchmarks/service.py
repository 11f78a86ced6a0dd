"""The service under measurement: its environment, its tokens, and gunicorn in front of it or of a floor."""

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
from mpesa_service.auth import make_token
from mpesa_service.config import load_settings
from mpesa_service.logs import configure
from mpesa_service.services.runtime import Runtime, build_runtime

SECRET = "benchmark-secret-of-thirty-two-bytes"
ENCRYPTION_KEY = "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="
NO_LIMIT = "1000000000 per hour"
SHOP = "shop"
WORKERS = 1
THREADS = 64
"""One process and as many threads as by default, twice as many as the load has connections."""


@dataclass(frozen=True)
class Hosting:
    """gunicorn's processes and threads; everything that is compared gets the same."""

    workers: int = WORKERS
    threads: int = THREADS


def environment(database_url: str, daraja_port: int, **changes: str) -> dict[str, str]:
    """Return the environment of a service; rate limits are counted as ever, but never reached."""
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
    """Return a runtime of the benchmark's own, with the keys and the database of the service."""
    return build_runtime(load_settings(env))


def token_of(env: dict[str, str], subject: str = SHOP) -> str:
    """Return a bearer token that lives as long as any run."""
    settings = load_settings(env)
    return make_token(build_app(settings), subject, [], timedelta(days=1))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@contextmanager
def logging_into(path: Path) -> Iterator[None]:
    """Have this process write the service's log lines, at their usual cost, into a file."""
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
    if hosting.workers > 1:  # in memory they cannot be shared
        settings["RATELIMIT_ENABLED"] = "false"
    # No worker is renewed in the middle of a round.
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "--max-requests", "0", app]
    log = logs / f"{app.partition(':')[0]}-{port}.log"
    return Program(command, port, {**env, **settings}, log, cwd=folder, on_one_core=hosting.workers == 1)
