"""The Celery app: one task and one beat entry for each job.

Each task runs one job of the table. Beat sends one message per interval. A message that waits longer than
its interval is dropped, so that messages do not pile up while no worker runs. One process runs a job at most
AT_ONCE_PER_JOB times at once, so that no job takes all threads.
"""

import contextlib
import os
import threading
from functools import cache
from pathlib import Path
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError

from mpesa_service.config import Settings, load_settings
from mpesa_service.core.runtime import Runtime, build_runtime
from mpesa_service.jobs.table import JOBS, Job, run

FILE_BROKER = "filesystem://"
QUEUE = "mpesa_service"
AT_ONCE_PER_JOB = 2
POLL_EVERY = 0.2
"""Seconds between polls of an empty folder. kombu also waits this long when all threads are busy; with its
default of one second, messages would arrive faster than the worker handles them."""


@cache
def _runtime() -> Runtime:
    """Return the runtime of this worker process, made when the first task runs."""
    return build_runtime(load_settings())


def make_celery(settings: Settings) -> Celery:
    """Return a Celery app with one task and one beat entry for each job."""
    app = Celery("mpesa_service", broker=settings.celery_broker_url)
    app.conf.update(
        task_ignore_result=True,
        task_default_queue=QUEUE,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
        timezone="UTC",
        beat_schedule={
            job.name: {
                "task": f"mpesa.{job.name}",
                "schedule": job.every,
                "options": {"expires": max(job.every, 5)},
            }
            for job in JOBS
        },
        **_file_broker_options(settings.celery_broker_url),
    )
    for job in JOBS:
        app.task(_task_of(job), name=f"mpesa.{job.name}", shared=False)
    return app


def _task_of(job: Job) -> Any:
    places = threading.BoundedSemaphore(AT_ONCE_PER_JOB)

    def task() -> None:
        if places.acquire(blocking=False):
            try:
                run(_runtime(), job)
            finally:
                places.release()

    task.__doc__ = job.help
    return task


def _file_broker_options(url: str) -> dict[str, Any]:
    """Return Celery's settings for a broker that is a folder: filesystem://path"""
    if not url.startswith(FILE_BROKER):
        return {}
    folder = Path(url.removeprefix(FILE_BROKER) or "var/broker").absolute()
    for part in ("messages", "control"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    _make_exchange_file(folder / "control" / f"{QUEUE}.exchange")
    return {
        "broker_url": f"{FILE_BROKER}localhost",  # kombu warns about an address without a host
        "broker_transport": "mpesa_service.jobs.file_broker:FileTransport",
        "broker_transport_options": {
            "data_folder_in": str(folder / "messages"),
            "data_folder_out": str(folder / "messages"),
            "control_folder": str(folder / "control"),
            "polling_interval": POLL_EVERY,
        },
        "beat_schedule_filename": str(folder / "beat"),
    }


def _make_exchange_file(path: Path) -> None:
    """Make kombu's table of bindings in one step; worker and beat could read each other's unfinished file."""
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text("[]")
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(fresh)
    fresh.unlink()


def broker_problem(app: Celery) -> str | None:
    """Return the error of a connection to the broker, or None if it can be reached."""
    try:
        with app.connection_for_write(connect_timeout=3) as connection:
            connection.ensure_connection(max_retries=1, timeout=4)
    except (OSError, OperationalError) as error:
        return f"{type(error).__name__}: {error}"
    return None
