"""The check that the broker of the jobs can be reached."""

from celery import Celery
from kombu.exceptions import OperationalError


def broker_problem(app: Celery) -> str | None:
    """Return the error of a connection to the broker, or None if it can be reached."""
    try:
        with app.connection_for_write(connect_timeout=3) as connection:
            connection.ensure_connection(max_retries=1, timeout=4)
    except (OSError, OperationalError) as error:
        return f"{type(error).__name__}: {error}"
    return None
