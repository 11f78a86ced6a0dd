"""Stores the lines of a statement in chunks. A chunk and the position after it are one transaction.

So an import that is killed goes on where it was, and two processes that read the same file exclude each
other: each chunk is stored only if the position is still the one that the process has read.
"""

from hashlib import blake2b

from mpesa_service.core.runtime import Runtime
from mpesa_service.errors import Conflict
from mpesa_service.models.driver import Statement as SqlStatement
from mpesa_service.statements.rows import StatementLine
from mpesa_service.statements.texts import BLOCK, encrypt_block

CHUNK = 20_000
SQLITE_CHUNK = 2_000
"""Other writers of SQLite wait while a chunk is stored."""
_COLUMNS = (
    *("statement_id", "row_number", "receipt", "line_hash", "completed_at", "amount_cents", "balance_cents"),
    *("kind", "type", "account", "linked_receipt"),
)
_TEXT_COLUMNS = ("statement_id", "first_row", "last_row", "texts_encrypted")
LINKED_KEPT = 32


class LineStore:
    """Collects lines, and stores them when a chunk is full. Lines up to `position` are stored already."""

    def __init__(self, runtime: Runtime, statement_id: str, shortcode: str, position: int) -> None:
        self._runtime = runtime
        self._statement_id, self._shortcode, self._position = statement_id, shortcode, position
        self._size = SQLITE_CHUNK if runtime.database.is_sqlite else CHUNK
        self._rows: list[tuple[object, ...]] = []
        self._texts: list[tuple[int, str, str, str]] = []
        self._account, self._hash = "", blake2b(digest_size=8)

    def add(self, line: StatementLine) -> bool:
        """Add a line; return whether a chunk was stored."""
        if line.row <= self._position:
            return False
        self._rows.append(
            (
                self._statement_id,
                line.row,
                line.receipt,
                self._identity(line),
                line.completed_at,
                line.amount_cents,
                line.balance_cents,
                line.kind.value,
                line.type,
                line.account,
                line.linked[:LINKED_KEPT] if line.linked else None,
            )
        )
        self._texts.append((line.row, line.details, line.party, line.typed))
        if len(self._rows) < self._size:
            return False
        self.store()
        return True

    def _identity(self, line: StatementLine) -> int:
        """Return the hash of what identifies a line besides its receipt.

        One receipt may have several lines of different kinds, such as a payment and its charge. A line whose
        kind is unknown is identified by its details.
        """
        if line.account != self._account or not self._rows:
            self._account = line.account
            self._hash = blake2b(f"{self._shortcode}|{line.account}|".encode(), digest_size=8)
        found = self._hash.copy()
        what = line.type or line.details
        found.update(f"{line.completed_at}|{line.amount_cents}|{line.kind}|{what}".encode(errors="replace"))
        return int.from_bytes(found.digest(), "big", signed=True)

    def store(self) -> None:
        """Store what is collected. Raises Conflict if another process reads the same statement."""
        if not self._rows:
            return
        blocks = [self._block(self._texts[at : at + BLOCK]) for at in range(0, len(self._texts), BLOCK)]
        last: int = self._texts[-1][0]
        with self._runtime.database.writing() as connection, connection.transaction():
            mark = "%s" if connection.is_postgres else "?"
            count = connection.insert_new("statement_lines", _COLUMNS, self._rows)
            connection.insert_new("statement_texts", _TEXT_COLUMNS, blocks)
            sql = (
                f"UPDATE statements SET row_position = {mark}, new_count = new_count + {mark}"
                f" WHERE id = {mark} AND status = 'reading' AND row_position = {mark}"
            )
            values = (last, count, self._statement_id, self._position)
            if connection.execute([SqlStatement(sql, values)]) is None:
                raise in_progress()
        self._position = last
        self._rows, self._texts = [], []

    def _block(self, texts: list[tuple[int, str, str, str]]) -> tuple[object, ...]:
        block = encrypt_block(self._runtime.encryption, texts)
        return self._statement_id, texts[0][0], texts[-1][0], block


def in_progress() -> Conflict:
    """Return the error for a statement on which another process works."""
    return Conflict("Another process reads or applies this statement.", code="statement_in_progress")
