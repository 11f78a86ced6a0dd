"""The command that starts the web service: mpesa serve"""

import os
import sys

import click


@click.command("serve")
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[-- GUNICORN_OPTIONS...]")
def serve(options: tuple[str, ...]) -> None:
    """Start the web service (gunicorn).

    BIND is the address and the port: 127.0.0.1:5005 by default. WEB_CONCURRENCY is the number of processes,
    WEB_THREADS the number of threads in each process. gunicorn receives the options after --. Ctrl-C or
    SIGTERM stops the service.

    Example: mpesa serve -- --bind 0.0.0.0:8000
    """
    settings = ("-c", "python:mpesa_service.web.gunicorn_settings")
    # gunicorn takes the place of this process, so that signals reach it directly.
    gunicorn = ("-m", "gunicorn", *settings, *options, "mpesa_service.wsgi:app")
    os.execv(sys.executable, (sys.executable, *gunicorn))  # noqa: S606
