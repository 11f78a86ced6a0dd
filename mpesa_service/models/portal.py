"""Statements of the organization portal: the files, their lines, shared lines, and the texts of the lines."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from mpesa_service.domain.statements import LineKind, Shape, StatementStatus
from mpesa_service.models.base import Base, RowId, one_of, partial_index


class Statement(Base):
    """One imported file, by its SHA-256: what it says, how far it is read and applied, and who decided.

    `account` is empty if the file does not name it. `period_from` and `period_to` are the period that the
    file covers completely. `accounts` has for each account its lines, sums, period, and whether its running
    balance is unbroken. `row_position` is the number of the last row that is stored. `report` is the result
    of the last comparison. `next_check_at` is the time at which a job applies the statement, and its lease
    while it works. All sums are in cents.
    """

    __tablename__ = "statements"

    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(255))
    shape: Mapped[str] = mapped_column(String(1))
    container: Mapped[str] = mapped_column(String(8))
    shortcode: Mapped[str] = mapped_column(String(16))
    account: Mapped[str] = mapped_column(String(64))
    period_from: Mapped[datetime | None]
    period_to: Mapped[datetime | None]
    first_at: Mapped[datetime | None]
    last_at: Mapped[datetime | None]
    date_order: Mapped[str | None] = mapped_column(String(3))
    """What stands first in its dates: `dmy` or `mdy`. Null if no date depends on it."""
    date_order_reason: Mapped[str | None] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16))
    row_position: Mapped[int] = mapped_column(Integer, default=0)
    line_count: Mapped[int] = mapped_column(Integer, default=0)
    new_count: Mapped[int] = mapped_column(Integer, default=0)
    unread_count: Mapped[int] = mapped_column(Integer, default=0)
    paid_in_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    withdrawn_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    balanced: Mapped[bool | None]
    findings: Mapped[list[str]] = mapped_column(JSON, default=list)
    unread: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    accounts: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    report: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    progress: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_by: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    applied_by: Mapped[str | None] = mapped_column(String(255))
    applied_at: Mapped[datetime | None]
    broken_balance_reason: Mapped[str | None] = mapped_column(String(500))
    apply_attempts: Mapped[int | None] = mapped_column(Integer)
    """How often a worker began to apply it since an admin requested it."""
    failure_reason: Mapped[str | None] = mapped_column(String(512))
    next_check_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    """The time at which a person decided that the file is wrong, so that it proves nothing."""
    withdrawn_by: Mapped[str | None] = mapped_column(String(255))
    withdrawal_reason: Mapped[str | None] = mapped_column(String(500))

    __table_args__ = (
        UniqueConstraint("sha256"),
        Index("ix_statements_shortcode", "shortcode", "account"),
        partial_index("ix_statements_next_check", "next_check_at", where="next_check_at IS NOT NULL"),
        CheckConstraint(one_of("status", StatementStatus), name="status"),
        CheckConstraint(one_of("shape", Shape), name="shape"),
    )


class StatementLineRow(Base):
    """One line of a statement. Each line is stored once, however many files contain it.

    The other files that contain it have it in `statement_shared_lines`.

    `line_hash` is the hash of what identifies a line besides its receipt: shortcode, account, direction,
    kind, type, amount and time. Money that came in is positive. The texts of the line, which name persons,
    are in `statement_texts`. `outcome` is what applying did, if it did anything. `statement_id` has no
    foreign key: its check would cost as much as the insert. `mpesa verify` checks it.
    """

    __tablename__ = "statement_lines"

    statement_id: Mapped[str] = mapped_column(String(24), primary_key=True)
    row_number: Mapped[int] = mapped_column(Integer, primary_key=True)
    receipt: Mapped[str] = mapped_column(String(20))
    line_hash: Mapped[int] = mapped_column(BigInteger)
    completed_at: Mapped[datetime]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    balance_cents: Mapped[int | None] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(16))
    type: Mapped[str] = mapped_column(String(64))
    account: Mapped[str] = mapped_column(String(64))
    linked_receipt: Mapped[str | None] = mapped_column(String(32))
    outcome: Mapped[str | None] = mapped_column(String(16))

    __table_args__ = (
        UniqueConstraint("receipt", "line_hash"),
        CheckConstraint(one_of("kind", LineKind), name="kind"),
        partial_index("ix_statement_lines_reversal", "linked_receipt", where="kind = 'reversal'"),
    )


class StatementSharedLine(Base):
    """A line of a statement that another statement has stored already, by the line's unique key.

    So the lines of a file are those with its `statement_id`, and those of its rows here. `row_number` is the
    line's number in this file; null for rows that were stored before step 0038.
    """

    __tablename__ = "statement_shared_lines"

    statement_id: Mapped[str] = mapped_column(String(24), primary_key=True)
    receipt: Mapped[str] = mapped_column(String(20), primary_key=True)
    line_hash: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    row_number: Mapped[int | None] = mapped_column(Integer)


class StatementTexts(Base):
    """The texts of the lines from `first_row` to `last_row` of a statement: compressed JSON, encrypted.

    Each line has its row number, details, other party, and the account that the payer typed. Many lines are
    encrypted together, because encrypting each one would cost more than reading it.
    """

    __tablename__ = "statement_texts"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    statement_id: Mapped[str] = mapped_column(ForeignKey("statements.id"))
    first_row: Mapped[int] = mapped_column(Integer)
    last_row: Mapped[int] = mapped_column(Integer)
    texts_encrypted: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (UniqueConstraint("statement_id", "first_row"),)
