"""The WSGI application in a clone: `gunicorn wsgi:app`, `flask --app wsgi`."""

from mpesa_service.wsgi import app

__all__ = ["app"]
