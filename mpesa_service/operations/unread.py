"""What the doctor says about callbacks that cannot be read."""

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.moments import local_text
from mpesa_service.models import CallbackInbox

UNREAD_ADVICE = (
    "List them: mpesa callbacks list --unread. Then apply each one again, or dismiss it with a reason: see"
    " docs/troubleshooting.md."
)


def unread_finding(runtime: Runtime) -> str | None:
    """Return the number of unread callbacks and the age of the oldest as a sentence, or None."""
    unread = CallbackInbox.verdict == InboxVerdict.UNREAD
    statement = select(func.count(), func.min(CallbackInbox.received_at)).where(unread)
    try:
        with runtime.database.read() as session:
            count, oldest = session.execute(statement).one()
    except SQLAlchemyError:  # the doctor's check of the database says so
        return None
    return (
        f"{count} cannot be read, the oldest of {local_text(oldest)}; each may report money"
        if count
        else None
    )
