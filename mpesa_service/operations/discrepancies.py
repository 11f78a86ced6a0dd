"""What the doctor says about discrepancies that are open."""

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.moments import in_nairobi
from mpesa_service.models import Discrepancy
from mpesa_service.models.open_discrepancies import is_open

DISCREPANCIES_ADVICE = (
    "List them: mpesa discrepancies list. Then close each one with a reason: see docs/troubleshooting.md."
)


def discrepancies_finding(runtime: Runtime) -> str | None:
    """Return the number of open discrepancies and the age of the oldest as a sentence, or None."""
    statement = select(func.count(), func.min(Discrepancy.created_at)).where(is_open())
    try:
        with runtime.database.read() as session:
            count, oldest = session.execute(statement).one()
    except SQLAlchemyError:  # the doctor's check of the database says so
        return None
    return f"{count} wait for a person, the oldest of {in_nairobi(oldest)}" if count else None
