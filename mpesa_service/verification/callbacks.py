"""The invariants of stored callbacks."""

from collections.abc import Iterator

from sqlalchemy import func, select

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.models import CallbackInbox
from mpesa_service.verification.common import BATCH, Tally, Violation


def verify_callbacks(runtime: Runtime, tally: Tally) -> Iterator[Violation]:
    """Yield every violation of the inbox; `tally` counts its rows."""
    with runtime.database.read() as session:
        tally.counts["callbacks"] += session.scalar(select(func.count()).select_from(CallbackInbox)) or 0
    yield from inbox_is_worked_off(runtime)
    yield from callbacks_are_read(runtime)


def inbox_is_worked_off(runtime: Runtime) -> Iterator[Violation]:
    """Every stored callback has a final verdict: none has failed."""
    columns = select(CallbackInbox.id, CallbackInbox.kind, CallbackInbox.verdict, CallbackInbox.attempts)
    failed = columns.where(CallbackInbox.verdict == InboxVerdict.FAILED)
    with runtime.database.read() as session:
        rows = session.execute(failed.order_by(CallbackInbox.id).limit(BATCH)).all()
    for number, kind, verdict, attempts in rows:
        sentence = f"this {kind} callback is {verdict} after {attempts} attempts"
        yield Violation(inbox_is_worked_off.__name__, f"callback {number}", sentence)


def callbacks_are_read(runtime: Runtime) -> Iterator[Violation]:
    """Every callback on a secret address is read, or a person has dismissed it."""
    columns = select(CallbackInbox.id, CallbackInbox.post_id, CallbackInbox.kind, CallbackInbox.reason)
    unread = columns.where(CallbackInbox.verdict == InboxVerdict.UNREAD)
    with runtime.database.read() as session:
        rows = session.execute(unread.order_by(CallbackInbox.id).limit(BATCH)).all()
    for number, post_id, kind, reason in rows:
        sentence = f"this {kind} callback cannot be read, and may report money: {reason}"
        yield Violation(callbacks_are_read.__name__, f"callback {post_id or number}", sentence)
