"""Unread callbacks: posted to a secret address, but not readable. Each may report money, so a person decides.

A person applies a callback again, for example after an upgrade, or dismisses it. Its row keeps the decision.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mpesa_service.callbacks.receive import apply_again
from mpesa_service.core.inbox import REASON_LIMIT, AlreadyApplied
from mpesa_service.core.records import record_from
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import POSTED_NAMES
from mpesa_service.domain.callbacks import CallbackKind, InboxVerdict
from mpesa_service.errors import Conflict, NotFound
from mpesa_service.models import CallbackInbox, Inquiry

log = logging.getLogger("mpesa_service.audit")

PAGE = 100
OUTLINE_LENGTH = 2_000
_WORD = re.compile(r"\w+")
_FIELD_NAMES = POSTED_NAMES | {"null"}
"""M-Pesa's own words (documented), which are no personal data."""


@dataclass(frozen=True)
class CallbackRecord:
    """A stored callback, without its body. `size` is the bytes that were posted.

    `cut`: they were too many, and only the beginning is stored. `full_sha256` is the SHA-256 of all of them.

    `inquiry` is what the inquiry is about, in lists and when one is read: `balance` or `status of RECEIPT`.
    `outline` is the beginning of the body, in which only M-Pesa's own words and the punctuation are readable.
    """

    id: str
    kind: CallbackKind
    verdict: InboxVerdict
    reason: str | None
    received_at: datetime
    source_address: str | None
    size: int
    cut: bool
    full_sha256: str | None
    outline: str
    attempts: int
    payment_id: str | None
    refund_id: str | None
    payout_id: str | None
    inquiry_id: str | None
    inquiry: str | None
    decided_at: datetime | None
    decided_by: str | None
    decided_why: str | None


def list_unread(runtime: Runtime, limit: int = 50, after: str = "") -> list[CallbackRecord]:
    """Return callbacks that nobody has decided on: oldest first, after an id."""
    with runtime.database.read() as session:
        return _records(runtime, session, _unread(session, limit, after))


def list_newest(runtime: Runtime, limit: int = 50) -> list[CallbackRecord]:
    """Return stored callbacks of any verdict, newest first."""
    statement = select(CallbackInbox).order_by(CallbackInbox.id.desc()).limit(limit)
    with runtime.database.read() as session:
        return _records(runtime, session, session.scalars(statement).all())


def read_callback(runtime: Runtime, callback_id: str) -> tuple[CallbackRecord, bytes]:
    """Return a stored callback of any verdict, and its body, which has personal data. Raises NotFound."""
    row = _find(runtime, callback_id)
    with runtime.database.read() as session:
        [record] = _records(runtime, session, [row])
    return record, runtime.encryption.decrypt_bytes(row.body_encrypted)


def apply_unread(runtime: Runtime, actor: str, callback_id: str) -> CallbackRecord:
    """Apply an unread callback by the same path as a new one; return it with its verdict.

    If it still cannot be read, or if only its beginning is stored, it stays unread. Raises NotFound,
    and Conflict if it is not unread (any more).
    """
    row = _find(runtime, callback_id)
    if row.verdict != InboxVerdict.UNREAD:
        raise _not_unread()
    if row.full_size is not None:  # it could be read by chance, but it is not what M-Pesa posted
        return _record(runtime, row)
    try:
        apply_again(runtime, row, {"decided_by": actor, "decided_at": runtime.clock()})
    except AlreadyApplied:
        raise _not_unread() from None
    record = _record(runtime, _find(runtime, callback_id))
    about = {"callback_id": record.id, "actor": actor, "verdict": record.verdict, "reason": record.reason}
    log.info("unread callback applied again", extra=about)
    return record


def apply_every_unread(runtime: Runtime, actor: str) -> Iterator[CallbackRecord]:
    """Apply each unread callback once, oldest first, and yield it with its verdict."""
    after = ""
    while page := list_unread(runtime, PAGE, after):
        for record in page:
            after = record.id
            try:
                yield apply_unread(runtime, actor, record.id)
            except Conflict:  # another person decided on it meanwhile
                continue


def dismiss_unread(runtime: Runtime, actor: str, callback_id: str, reason: str) -> CallbackRecord:
    """Decide that an unread callback needs nothing. Raises NotFound, and Conflict if it is not unread."""
    row = _find(runtime, callback_id)
    columns = {
        "verdict": InboxVerdict.DISMISSED,
        "attempts": CallbackInbox.attempts + 1,  # an apply that has begun must not overwrite the decision
        "decided_by": actor,
        "decided_at": runtime.clock(),
        "decided_why": reason.strip()[:REASON_LIMIT],
    }
    statement = (
        update(CallbackInbox)
        .where(CallbackInbox.id == row.id, CallbackInbox.verdict == InboxVerdict.UNREAD)
        .values(columns)
    )
    with runtime.database.begin() as session:
        changed = session.connection().execute(statement).rowcount
    if not changed:
        raise _not_unread()
    log.info(
        "unread callback dismissed", extra={"callback_id": callback_id, "actor": actor, "reason": reason}
    )
    return _record(runtime, _find(runtime, callback_id))


def outline(body: bytes) -> str:
    """Return the beginning of a body. Words that are not M-Pesa's own are written with an `x` a character."""
    text = body.decode("utf-8", "replace")[:OUTLINE_LENGTH]
    return _WORD.sub(lambda word: word[0] if word[0] in _FIELD_NAMES else "x" * len(word[0]), text)


def _unread(session: Session, limit: int, after: str) -> Sequence[CallbackInbox]:
    statement = (
        select(CallbackInbox)
        .where(CallbackInbox.verdict == InboxVerdict.UNREAD, CallbackInbox.post_id > after)
        .order_by(CallbackInbox.post_id)
        .limit(limit)
    )
    return session.scalars(statement).all()


def _find(runtime: Runtime, callback_id: str) -> CallbackInbox:
    """Return a row by its id; older rows have only a number."""
    by_number = callback_id.isascii() and callback_id.isdigit() and len(callback_id) < len("1" * 19)
    where = CallbackInbox.id == int(callback_id) if by_number else CallbackInbox.post_id == callback_id
    found = None
    if callback_id.isprintable():  # PostgreSQL takes no NUL in a text
        with runtime.database.read() as session:
            found = session.scalars(select(CallbackInbox).where(where)).one_or_none()
    if found is None:
        raise NotFound("There is no such callback.", code="callback_not_found")
    return found


def _not_unread() -> Conflict:
    return Conflict("This callback is not unread: it is applied, or a person has decided.", code="not_unread")


def _records(runtime: Runtime, session: Session, rows: Sequence[CallbackInbox]) -> list[CallbackRecord]:
    """Return the records, with what their inquiries are about."""
    ids = {row.inquiry_id for row in rows if row.inquiry_id is not None}
    columns = select(Inquiry.id, Inquiry.kind, Inquiry.receipt).where(Inquiry.id.in_(ids))
    found = {row.id: _about(row.kind, row.receipt) for row in session.execute(columns)} if ids else {}
    return [_record(runtime, row, found.get(row.inquiry_id or "")) for row in rows]


def _about(kind: str, receipt: str | None) -> str:
    return f"{kind} of {receipt}" if receipt else kind


def _record(runtime: Runtime, row: CallbackInbox, inquiry: str | None = None) -> CallbackRecord:
    body = runtime.encryption.decrypt_bytes(row.body_encrypted)
    return record_from(
        CallbackRecord,
        row,
        id=row.post_id or str(row.id),
        kind=CallbackKind(row.kind),
        verdict=InboxVerdict(row.verdict),
        size=len(body) if row.full_size is None else row.full_size,
        cut=row.full_size is not None,
        outline=outline(body),
        inquiry=inquiry,
    )
