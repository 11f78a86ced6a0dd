"""The texts of lines, encrypted in blocks: details, other party, and the account that the payer typed.

They name persons. To encrypt each line by itself would cost more than to read the file, so the lines of a
block are encrypted together, compressed. The texts of one line are read from its block.
"""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mpesa_service.core.encryption import Encryption
from mpesa_service.core.runtime import Runtime

BLOCK = 1_000
"""Lines in a block."""
_QUICK = 1
"""The level of compression. A higher one makes blocks a little smaller, and takes much longer."""


@dataclass(frozen=True)
class LineTexts:
    """The texts of one line."""

    details: str = field(default="", repr=False)
    party: str = field(default="", repr=False)
    typed: str = field(default="", repr=False)


def encrypt_block(encryption: Encryption, rows: Sequence[tuple[int, str, str, str]]) -> bytes:
    """Return the block of these lines: row number, details, party, account typed."""
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    return encryption.encrypt_bytes(zlib.compress(text.encode(errors="replace"), _QUICK))


def decrypt_block(encryption: Encryption, block: bytes) -> dict[int, LineTexts]:
    """Return the texts of a block by row number."""
    rows = json.loads(zlib.decompress(encryption.decrypt_bytes(block)))
    return {row: LineTexts(details, party, typed) for row, details, party, typed in rows}


def texts_of(runtime: Runtime, statement_id: str, rows: Iterable[int]) -> Mapping[int, LineTexts]:
    """Return the texts of these rows of a statement. Each block is read once."""
    found: dict[int, LineTexts] = {}
    with runtime.database.reading() as connection:
        mark = "%s" if connection.is_postgres else "?"
        sql = (
            f"SELECT texts_encrypted FROM statement_texts WHERE statement_id = {mark}"
            f" AND first_row <= {mark} AND last_row >= {mark}"
        )
        for row in sorted(rows):
            if row in found:
                continue
            for (block,) in connection.rows(sql, (statement_id, row, row)):
                found |= decrypt_block(runtime.encryption, bytes(block))
    return found
