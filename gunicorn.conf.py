"""The settings of gunicorn in a clone: `gunicorn wsgi:app` reads this file."""

from mpesa_service.web.gunicorn_settings import *  # noqa: F403
