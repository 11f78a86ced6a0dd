"""A received callback and its outcome, and how both are stored in the inbox and logged."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from secrets import token_hex
from typing import Any

from sqlalchemy.orm import Session

from mpesa_service.core.database import after_commit, driver_of
from mpesa_service.core.encryption import Encryption, token_hash
from mpesa_service.domain.callbacks import CallbackKind, InboxVerdict
from mpesa_service.domain.event_types import EventType
from mpesa_service.domain.plans import Event, LogLine, NewRow, Plan, Update
from mpesa_service.models.commit import rows_and_events, update_statement

INBOX = "callback_inbox"
REASON_LIMIT = 512


@dataclass(frozen=True)
class CallbackOutcome:
    """The verdict on a callback, the reason, and the ids of the rows that it concerns."""

    verdict: InboxVerdict
    reason: str
    payment_id: str | None = None
    refund_id: str | None = None
    payout_id: str | None = None
    inquiry_id: str | None = None

    @property
    def ids(self) -> dict[str, str | None]:
        """The ids, by their names in the inbox and the log."""
        return {
            "payment_id": self.payment_id,
            "refund_id": self.refund_id,
            "payout_id": self.payout_id,
            "inquiry_id": self.inquiry_id,
        }


class AlreadyApplied(Exception):
    """Another process has applied a stored callback meanwhile. This process rolls its own changes back."""


@dataclass(frozen=True)
class CutBody:
    """A body that is too large to be stored: its beginning, its size in bytes, and its SHA-256.

    `sha256` is None if the body was not read to its end.
    """

    head: bytes = field(repr=False)
    size: int
    sha256: str | None


@dataclass(frozen=True)
class Posted:
    """What M-Pesa posted over HTTP: the kind of its address, the raw body, and where it came from.

    `cut` is set if `body` is only the beginning of what was posted.
    """

    kind: CallbackKind
    token: str | None
    body: bytes
    headers: Mapping[str, str]
    source_address: str | None
    cut: CutBody | None = None


@dataclass(frozen=True)
class Received:
    """A callback that M-Pesa posted. `columns` are its inbox row; `row_id` is set if it is stored already.

    `size` is the bytes that were posted. `decision` are the columns of a person's decision to apply it.
    `was_unread`: its row is `unread` already, and an alarm has reported it.
    """

    kind: CallbackKind
    token_hash: str | None
    post_id: str
    received_at: datetime
    size: int
    columns: Mapping[str, Any] = field(repr=False, default_factory=dict)
    row_id: int | None = None
    attempts: int = 0
    decision: Mapping[str, Any] = field(default_factory=dict)
    was_unread: bool = False

    @classmethod
    def of(cls, posted: Posted, encryption: Encryption, at: datetime) -> "Received":
        """Return what was posted as a row that is not stored yet. Each call makes a new `post_id`."""
        token = token_hash(posted.token) if posted.token else None
        post_id = f"{at:%y%m%d%H%M%S}{token_hex(6)}"  # sorted by time, so that its index grows at the end
        columns: dict[str, Any] = {
            "post_id": post_id,
            "kind": posted.kind,
            "token_hash": token,
            "body_encrypted": encryption.encrypt_bytes(posted.body),
            "headers": dict(posted.headers),
            "source_address": posted.source_address,
            "received_at": at,
        }
        size = len(posted.body)
        if posted.cut is not None:
            size = posted.cut.size
            columns |= {"full_size": size, "full_sha256": posted.cut.sha256}
        return cls(posted.kind, token, post_id, at, size, columns)

    def added_to(self, plan: Plan, at: datetime) -> Plan:
        """Return the plan, extended so that it also stores this callback with the plan's verdict."""
        outcome = outcome_of(plan)
        row, update = self._writes(outcome, at)
        events, lines = self._alarm(outcome, at)
        return replace(
            plan,
            rows=plan.rows + row,
            events=plan.events + events,
            updates=update + plan.updates,
            log=(*plan.log, self._line(outcome), *lines),
        )

    def store(self, session: Session, outcome: CallbackOutcome, at: datetime) -> None:
        """Store this callback and its outcome in the session's transaction, and log it after the commit.

        Raises AlreadyApplied, or IntegrityError if the post is stored already.
        """
        session.flush()
        rows, updates = self._writes(outcome, at)
        events, lines = self._alarm(outcome, at)
        connection = driver_of(session)
        postgres = connection.is_postgres
        changes = [update_statement(update, postgres) for update in updates]
        statements = [*rows_and_events(rows, events, postgres), *changes]
        if connection.execute(statements) is None:
            raise AlreadyApplied
        after_commit(session, [self._line(outcome), *lines])

    def _writes(
        self, outcome: CallbackOutcome, at: datetime
    ) -> tuple[tuple[NewRow, ...], tuple[Update, ...]]:
        columns = {
            "verdict": outcome.verdict,
            "reason": outcome.reason[:REASON_LIMIT],
            "attempts": self.attempts + 1,
            **outcome.ids,
            "processed_at": at,
        }
        if self.row_id is None:
            return (NewRow(INBOX, {**self.columns, **columns}),), ()
        columns["post_id"] = self.post_id
        if outcome.verdict is not InboxVerdict.UNREAD:
            columns |= self.decision
        # Another process may have read the same row. The condition on `attempts` lets only one apply it.
        return (), (Update(INBOX, {"id": self.row_id, "attempts": self.attempts}, columns),)

    def _alarm(self, outcome: CallbackOutcome, at: datetime) -> tuple[tuple[Event, ...], tuple[LogLine, ...]]:
        """Return the event and the log line for a callback that becomes `unread`."""
        if outcome.verdict is not InboxVerdict.UNREAD or self.was_unread:
            return (), ()
        event = unread_event(self, outcome, at)
        extra = {"callback_id": self.post_id, "kind": self.kind, "reason": outcome.reason}
        line = LogLine(__name__, logging.ERROR, "ALERT: a callback on a secret address cannot be read", extra)
        return (event,), (line,)

    def _line(self, outcome: CallbackOutcome) -> LogLine:
        ids = {name: value for name, value in outcome.ids.items() if value is not None}
        extra = {"kind": self.kind, "verdict": str(outcome.verdict), **ids, "reason": outcome.reason}
        return LogLine(__name__, logging.INFO, "callback", extra)


def unread_event(received: Received, outcome: CallbackOutcome, at: datetime) -> Event:
    """Return the event of a callback that cannot be read. It contains nothing of the body."""
    data = {
        "kind": received.kind,
        "reason": outcome.reason,
        "receivedAt": received.received_at,
        "size": received.size,
        "paymentId": outcome.payment_id,
        "refundId": outcome.refund_id,
        "payoutId": outcome.payout_id,
        "inquiryId": outcome.inquiry_id,
    }
    return Event(EventType.CALLBACK_UNREAD, received.post_id, 1, data, at)


def outcome_of(plan: Plan) -> CallbackOutcome:
    """Return the outcome that a committed plan gives to the callback that it stores."""
    return CallbackOutcome(InboxVerdict(plan.verdict), plan.reason, plan.payment_id)
