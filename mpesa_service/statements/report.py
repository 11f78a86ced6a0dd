"""The report of a statement: sums by kind and outcome, and the lines that need attention.

The report is stored with the statement, so that it can be read again without a comparison. Its lists are cut
off; its numbers are not.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import update

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.moments import in_nairobi
from mpesa_service.models import Statement
from mpesa_service.models.withdrawn_money import WithdrawnMoney
from mpesa_service.statements.absent import Absent, absent_from, proof_of
from mpesa_service.statements.date_findings import other_order
from mpesa_service.statements.far_times import FarTime, next_step
from mpesa_service.statements.matching import Found, Outcome, Share, far_times, lines_with, shares_of
from mpesa_service.statements.only_withdrawn import only_withdrawn
from mpesa_service.statements.other_files import beside_others
from mpesa_service.statements.records import StatementRecord, get_statement
from mpesa_service.statements.reversals import suggested_for

SHOWN = 100
"""The longest list of a report."""
COUNTED = 10_000
"""More absent rows than these are not counted."""
POSTED = ("callback", "confirmation", "query", "pull", "status")


def compare(runtime: Runtime, record: StatementRecord) -> StatementRecord:
    """Compare a statement with our record, store the report, and return the statement."""
    proof, shares = proof_of(runtime, record), shares_of(runtime, record)
    absent = absent_from(runtime, record, proof, COUNTED)
    report = {
        "at": in_nairobi(runtime.clock()),
        "kinds": [_kind(share) for share in _by_kind(shares)],
        "outcomes": {outcome.value: _sum(shares, outcome) for outcome in Outcome},
        "alsoPosted": sum(s.lines for s in shares if s.outcome is Outcome.AGREES and s.evidence in POSTED),
        **{name: _lines(runtime, record, shares, *outcomes) for name, outcomes in _LISTS.items()},
        "times": _times(runtime, record, sum(share.far_times for share in shares)),
        "otherFiles": beside_others(runtime, record),
        "onlyWithdrawn": _only_withdrawn(only_withdrawn(runtime, record)),
        "absent": {
            "checked": proof.reason is None,
            "reason": proof.reason,
            "count": len(absent),
            "cents": sum(one.cents for one in absent),
            "rows": [_absent(one) for one in absent[:SHOWN]],
        },
    }
    with runtime.database.begin() as session:
        session.execute(update(Statement).where(Statement.id == record.id).values(report=report))
    return get_statement(runtime, record.id)


_LISTS = {
    "missing": (Outcome.MISSING,),
    "differing": (Outcome.DIFFERS,),
    "elsewhere": (Outcome.ELSEWHERE,),
    "unclear": (Outcome.UNCLEAR,),
}
"""The lists of a report, by the outcomes of their lines."""


def _by_kind(shares: Sequence[Share]) -> list[Share]:
    """Return the shares with the evidence left out."""
    found: dict[tuple[str, Outcome], Share] = {}
    for share in shares:
        key = (share.kind, share.outcome)
        known = found.get(key, Share(share.kind, share.outcome, None, 0, 0, 0))
        found[key] = Share(
            *(share.kind, share.outcome, None, known.lines + share.lines),
            known.paid_in_cents + share.paid_in_cents,
            known.withdrawn_cents + share.withdrawn_cents,
        )
    return list(found.values())


def _kind(share: Share) -> dict[str, Any]:
    return {
        "kind": share.kind,
        "outcome": share.outcome.value,
        "lines": share.lines,
        "paidInCents": share.paid_in_cents,
        "withdrawnCents": share.withdrawn_cents,
    }


def _sum(shares: Sequence[Share], outcome: Outcome) -> dict[str, int]:
    chosen = [share for share in shares if share.outcome is outcome]
    return {
        "lines": sum(share.lines for share in chosen),
        "paidInCents": sum(share.paid_in_cents for share in chosen),
        "withdrawnCents": sum(share.withdrawn_cents for share in chosen),
    }


def _lines(
    runtime: Runtime, record: StatementRecord, shares: Sequence[Share], *outcomes: Outcome
) -> list[dict[str, Any]]:
    """Return the first lines with these outcomes; no query if there are none."""
    if not any(share.outcome in outcomes for share in shares):
        return []
    found = lines_with(runtime, record, *outcomes, limit=SHOWN)
    suggested = suggested_for(runtime, record, found)
    return [_line(one, suggested.get((one.statement_id, one.row))) for one in found]


def _line(one: Found, suggested: str | None) -> dict[str, Any]:
    return {
        "row": one.file_row,
        "receipt": one.receipt,
        "at": in_nairobi(one.at),
        "cents": one.cents,
        "kind": one.kind,
        "ourId": one.payment_id or one.refund_id or one.payout_id,
        "ourCents": one.our_cents,
        "ourStatus": one.our_status,
        "suggestedRefundId": suggested,
    }


def _times(runtime: Runtime, record: StatementRecord, count: int) -> dict[str, Any]:
    """Return the lines whose time is far from what another source states; no query if there are none."""
    found = far_times(runtime, record, SHOWN) if count else []
    step = next_step(found, other_order(record), applied=record.applied_by is not None)
    return {"count": count, "nextStep": step, "rows": [_time(one) for one in found]}


def _time(one: FarTime) -> dict[str, Any]:
    return {
        "row": one.row,
        "receipt": one.receipt,
        "at": in_nairobi(one.at),
        "otherAt": in_nairobi(one.other_at),
        "otherSource": one.source,
        "ourId": one.our_id,
    }


def _absent(one: Absent) -> dict[str, Any]:
    return {
        "what": one.what,
        "id": one.id,
        "receipt": one.receipt,
        "cents": one.cents,
        "at": in_nairobi(one.at),
        "shownBy": one.shown_by,
    }


def _only_withdrawn(found: Sequence[WithdrawnMoney]) -> dict[str, Any]:
    """Return the money that nothing but this withdrawn statement shows: its number, and the first of it."""
    rows = [
        {
            "ourId": one.payment_id or one.fractional_id,
            "receipt": one.receipt,
            "cents": one.cents,
            "ourStatus": one.status,
        }
        for one in found[:SHOWN]
    ]
    return {"count": len(found), "cents": sum(one.cents for one in found), "rows": rows}
