"""The transactional outbox: an event is stored if and only if the change that it reports is stored.

The event's deliveries are stored with it, one for each endpoint that subscribes to its type. `deliver` sends
them.
"""

from sqlalchemy.orm import Session

from mpesa_service.core.database import driver_of
from mpesa_service.domain.plans import Event
from mpesa_service.models.commit import rows_and_events


def publish(session: Session, event: Event) -> None:
    """Store an event and its deliveries, in the transaction of the change that it reports."""
    connection = driver_of(session)
    connection.execute(rows_and_events([], [event], connection.is_postgres))
