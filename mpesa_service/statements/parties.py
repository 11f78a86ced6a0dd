"""The party of each line, from its encrypted texts. What one file leaves out, another file may have."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mpesa_service.core.runtime import Runtime
from mpesa_service.statements.matching import Found
from mpesa_service.statements.party import Party, party_of
from mpesa_service.statements.records import StatementRecord
from mpesa_service.statements.texts import LineTexts, texts_of
from mpesa_service.statements.window import marks, query

Place = tuple[str, int]
"""A statement and a row of its file."""
# Only of statements that count: this one, and applied ones that are not withdrawn.
_OTHERS = """
    SELECT id FROM statements WHERE shortcode = ? AND first_at <= ? AND last_at >= ?
    AND (id = ? OR (applied_at IS NOT NULL AND withdrawn_at IS NULL)) ORDER BY id
"""
_COPIES = """
    SELECT l.statement_id, l.row_number, h.statement_id, h.row_number FROM statement_shared_lines h
    JOIN statement_lines l ON l.receipt = h.receipt AND l.line_hash = h.line_hash
    WHERE h.statement_id IN ({statements}) AND h.receipt IN ({receipts}) AND h.row_number IS NOT NULL
    AND l.statement_id <> h.statement_id ORDER BY h.statement_id
"""


def parties_of(runtime: Runtime, record: StatementRecord, lines: Sequence[Found]) -> Mapping[Found, Party]:
    """Return the party of each line. What its file leaves out is that of another file with the line."""
    parties = _read(runtime, [(line.statement_id, line.row) for line in lines])
    found = {line: parties[line.statement_id, line.row] for line in lines}
    lacking = [line for line, party in found.items() if not (party.account and party.number)]
    for line, others in _copies(runtime, record, lacking).items():
        for other in others:
            found[line] = _completed(found[line], other)
    return found


def _completed(party: Party, other: Party) -> Party:
    if not party.account:
        party = replace(party, account=other.account, longer=other.longer)
    if not party.number:
        party = replace(party, number=other.number, name=party.name or other.name)
    return party


def _copies(
    runtime: Runtime, record: StatementRecord, lines: Sequence[Found]
) -> Mapping[Found, Sequence[Party]]:
    """Return the parties that other files have for these lines."""
    if not lines:
        return {}
    times = [line.at for line in lines]
    within = (record.shortcode, max(times), min(times), record.id)
    statements = [one for (one,) in query(runtime, _OTHERS, within)]
    if not statements:
        return {}
    receipts = sorted({line.receipt for line in lines})
    sql = _COPIES.format(statements=marks(statements), receipts=marks(receipts))
    copies = defaultdict[Place, list[Place]](list)
    for own_id, own_row, other_id, other_row in query(runtime, sql, (*statements, *receipts)):
        copies[own_id, own_row].append((other_id, other_row))
    parties = _read(runtime, [place for places in copies.values() for place in places])
    return {line: [parties[place] for place in copies[line.statement_id, line.row]] for line in lines}


def _read(runtime: Runtime, places: Sequence[Place]) -> Mapping[Place, Party]:
    found = {}
    for statement_id in {place[0] for place in places}:
        rows = [row for one, row in places if one == statement_id]
        texts = texts_of(runtime, statement_id, rows)
        for row in rows:
            text = texts.get(row, LineTexts())
            found[statement_id, row] = party_of(text.details, text.party, text.typed)
    return found
