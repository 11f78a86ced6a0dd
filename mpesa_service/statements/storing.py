"""Stores the lines of a statement in chunks. A chunk and the position after it are one transaction.

So an import that is killed goes on where it was, and two processes that read the same file exclude each
other: each chunk is stored only if the position is still the one that the process has read.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import blake2b
from typing import Any, Self

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.statements import LineKind
from mpesa_service.errors import Conflict
from mpesa_service.models.driver import Driver
from mpesa_service.models.driver import Statement as SqlStatement
from mpesa_service.statements.one_reversal import unite_reversals
from mpesa_service.statements.records import StatementRecord
from mpesa_service.statements.rows import StatementLine
from mpesa_service.statements.texts import BLOCK, encrypt_block
from mpesa_service.statements.twins import join_twins, may_have_twins

CHUNK = 5_000
SQLITE_CHUNK = 2_000
"""Other writers of SQLite wait while a chunk is stored."""
_COLUMNS = (
    *("statement_id", "row_number", "receipt", "line_hash", "completed_at", "amount_cents", "balance_cents"),
    *("kind", "type", "account", "linked_receipt"),
)
_SHARED_COLUMNS = ("statement_id", "receipt", "line_hash", "row_number")
_TEXT_COLUMNS = ("statement_id", "first_row", "last_row", "texts_encrypted")
LINKED_KEPT = 32
Texts = tuple[int, str, str, str]
"""A line's row number and texts: details, party, account typed."""


class LineStore:
    """Collects the lines of a statement, and stores them when a chunk is full, after those stored before."""

    def __init__(self, runtime: Runtime, record: StatementRecord) -> None:
        self._runtime, self._record = runtime, record
        self._statement_id, self._shortcode = record.id, record.shortcode
        self._position = record.row_position
        self._has_twins = may_have_twins(runtime, record)
        self._size = SQLITE_CHUNK if runtime.database.is_sqlite else CHUNK
        self._rows: list[tuple[Any, ...]] = []
        self._texts: list[Texts] = []
        self._account = ""
        self._hash: blake2b | None = None  # of what all lines of an account share
        self._thread = ThreadPoolExecutor(1)
        self._stored: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait for the chunk that is being stored. Its own error counts unless there is one already."""
        self._thread.shutdown()
        if kind is None:
            self._wait()

    def add(self, line: StatementLine) -> bool:
        """Add a line; return whether a chunk is full. It is stored while the next one is read."""
        row, receipt, at, cents, balance, kind, type_, account, linked, details, party, typed = line
        if row <= self._position:
            return False
        if account != self._account or self._hash is None:
            self._account = account
            self._hash = blake2b(f"{self._shortcode}|{account}|".encode(), digest_size=8)
        # One receipt may have several lines of different kinds, such as a payment and its charge. A line
        # whose kind is unknown is identified by its details.
        found = self._hash.copy()
        identity = f"{int(at.timestamp())}|{cents}|{kind}|{type_ or details}"
        found.update(identity.encode(errors="replace"))
        line_hash = int.from_bytes(found.digest(), "big", signed=True)
        kept = linked[:LINKED_KEPT] if linked else None
        own = (self._statement_id, row, receipt, line_hash, at, cents, balance)
        self._rows.append((*own, kind.value, type_, account, kept))
        self._texts.append((row, details, party, typed))
        if len(self._rows) < self._size:
            return False
        self.store()
        return True

    def store(self) -> None:
        """Begin to store what is collected, after the chunk before is stored.

        Raises Conflict if another process reads the same statement.
        """
        if not self._rows:
            return
        rows, texts, position = self._rows, self._texts, self._position
        self._position, self._rows, self._texts = texts[-1][0], [], []
        self._wait()
        self._stored = self._thread.submit(self._store, rows, texts, position)

    def _wait(self) -> None:
        if self._stored is not None:
            self._stored.result()

    def _store(self, rows: Sequence[tuple[Any, ...]], texts: Sequence[Texts], position: int) -> None:
        """Store a chunk and the position after it, if the position is still the one before it."""
        first, last = texts[0][0], texts[-1][0]
        blocks = [self._block(texts[at : at + BLOCK]) for at in range(0, len(texts), BLOCK)]
        with self._runtime.database.writing() as connection, connection.transaction():
            mark = "%s" if connection.is_postgres else "?"
            count = connection.insert_new("statement_lines", _COLUMNS, rows)
            if count < len(rows):
                self._share(connection, rows)
            if self._has_twins:
                count -= join_twins(connection, self._record, first, last)
            if reversals := [(row[2], row[5], row[10]) for row in rows if row[7] == LineKind.REVERSAL]:
                unite_reversals(connection, reversals)
            connection.insert_new("statement_texts", _TEXT_COLUMNS, blocks)
            sql = (
                f"UPDATE statements SET row_position = {mark}, new_count = new_count + {mark}"
                f" WHERE id = {mark} AND status = 'reading' AND row_position = {mark}"
            )
            values = (last, count, self._statement_id, position)
            if connection.execute([SqlStatement(sql, values)]) is None:
                raise in_progress()

    def _share(self, connection: Driver, rows: Sequence[tuple[Any, ...]]) -> None:
        """Store which of these rows are lines that are stored already, here or with another statement."""
        mark = "%s" if connection.is_postgres else "?"
        sql = (
            f"SELECT row_number FROM statement_lines WHERE statement_id = {mark}"
            f" AND row_number BETWEEN {mark} AND {mark}"
        )
        values = (self._statement_id, rows[0][1], rows[-1][1])
        stored = {number for (number,) in connection.rows(sql, values)}
        shared = [(self._statement_id, row[2], row[3], row[1]) for row in rows if row[1] not in stored]
        connection.insert_new("statement_shared_lines", _SHARED_COLUMNS, shared)

    def _block(self, texts: Sequence[Texts]) -> tuple[object, ...]:
        block = encrypt_block(self._runtime.encryption, texts)
        return self._statement_id, texts[0][0], texts[-1][0], block


def in_progress() -> Conflict:
    """Return the error for a statement on which another process works."""
    return Conflict("Another process reads or applies this statement.", code="statement_in_progress")
