"""The WSGI application, `mpesa_service.wsgi:app`, for gunicorn and the `flask` command."""

import sys

import click
from flask import Flask

from mpesa_service import create_app
from mpesa_service.app import build_help
from mpesa_service.config import ConfigurationError


def _load() -> Flask:
    try:
        return create_app()
    except ConfigurationError as error:
        if click.get_current_context(silent=True) is not None and "--help" in sys.argv:
            return build_help()
        sys.exit(str(error))


app = _load()
