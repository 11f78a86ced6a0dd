"""The WSGI application, `mpesa_service.wsgi:app`, for gunicorn and the `flask` command."""

import sys

import click
from flask import Flask

from mpesa_service import create_app
from mpesa_service.app import build_help
from mpesa_service.config import ConfigurationError
from mpesa_service.operations.used_keys import start_problem
from mpesa_service.web.blueprint import RUNTIME


def _load() -> Flask:
    try:
        app = create_app()
    except ConfigurationError as error:
        if click.get_current_context(silent=True) is not None and "--help" in sys.argv:
            return build_help()
        sys.exit(str(error))
    # The commands must run with wrong keys, because mpesa doctor and mpesa keys check say what is wrong.
    command = click.get_current_context(silent=True) is not None
    if not command and (problem := start_problem(app.extensions[RUNTIME])):
        sys.exit(problem)
    return app


app = _load()
