"""A statement beside the other statements of its account: lines that contradict, balances that do not follow.

Two files with an unbroken balance must have the same lines in the time that both prove. If they do not, one
of them is wrong, and only the portal says which. An opening balance that is not the closing balance before
means that money moved between two files, or that one of them is wrong.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.statement_files import (
    Difference,
    ProvenFile,
    balance_breaks,
    both_prove,
    mismatch,
    proven_file,
)
from mpesa_service.models.statement_differences import differences, proven_files
from mpesa_service.statements.records import StatementRecord

MISMATCH = "mismatch"
BALANCE = "balance"


def beside_others(runtime: Runtime, record: StatementRecord) -> list[dict[str, Any]]:
    """Return what a statement and the others of its accounts say against each other, for the report."""
    mine = proven_file(record)
    return [] if mine is None else list(_against(runtime, mine))


def mismatches_with_applied(runtime: Runtime, record: StatementRecord) -> list[str]:
    """Return a sentence for each applied file that a statement contradicts."""
    # To apply a withdrawn file ends the withdrawal, so the file is compared as if it counted.
    mine = proven_file(replace(record, withdrawn_at=None))
    if mine is None:
        return []
    return [one["sentence"] for one in _against(runtime, mine, only_applied=True) if one["what"] == MISMATCH]


def _against(runtime: Runtime, mine: ProvenFile, *, only_applied: bool = False) -> Iterator[dict[str, Any]]:
    with runtime.database.read() as session:
        others = [
            one for one in proven_files(session) if one.id != mine.id and (one.applied or not only_applied)
        ]
    for other in others:
        for sentence in balance_breaks(mine, other):
            yield _entry(BALANCE, other, sentence, [])
        time = both_prove(mine, other)
        if time is None:
            continue
        with runtime.database.reading() as connection:
            found = differences(connection, mine, other, time)
        if found:
            yield _entry(MISMATCH, other, mismatch(other, found), found)


def _entry(what: str, other: ProvenFile, sentence: str, found: list[Difference]) -> dict[str, Any]:
    receipts = [{"receipt": one.receipt, "cents": one.cents, "otherCents": one.other_cents} for one in found]
    return {
        "what": what,
        "statementId": other.id,
        "file": other.name,
        "sentence": sentence,
        "count": len(found),
        "receipts": receipts,
    }
