"""The command that starts the background jobs: mpesa worker"""

import os
import sys

import click

THREADS = ("--pool", "threads", "--concurrency", "4")
"""Jobs wait for Daraja and the database, so threads are enough."""
ALONE = ("--without-gossip", "--without-mingle", "--without-heartbeat")
"""Workers need nothing of each other: the database says what is due."""


@click.command("worker")
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[-- CELERY_OPTIONS...]")
def worker(options: tuple[str, ...]) -> None:
    """Start the background jobs (a Celery worker with beat).

    CELERY_BROKER_URL is the broker: a folder on this machine by default. Celery receives the options after
    --. Ctrl-C or SIGTERM stops the worker when its running jobs have ended. `mpesa jobs list` shows the jobs.

    Example: mpesa worker -- --concurrency 8
    """
    # Celery takes the place of this process, so that signals reach it directly.
    celery = ("-m", "celery", "-A", "mpesa_service.jobs.worker", "worker", "--beat")
    os.execv(sys.executable, (sys.executable, *celery, *THREADS, *ALONE, *options))  # noqa: S606
