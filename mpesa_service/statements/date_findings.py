"""What the times of a file say against the order in which its dates were read, and the next step."""

from collections.abc import Sequence
from datetime import datetime

from mpesa_service.domain.moments import local_text
from mpesa_service.domain.paid_at import believed
from mpesa_service.domain.statements import DateOrder, DateOrderReason
from mpesa_service.statements.balances import OUTSIDE
from mpesa_service.statements.records import StatementRecord

IMPOSSIBLE = "Some times cannot be true: the lines of the file are from {} to {}."
TRY_OTHER = "If day and month are swapped, import the file again with `--dates {}` (`dates` in the API)."


def other_order(record: StatementRecord) -> DateOrder | None:
    """Return the order in which a file can be read again; None if its dates have one meaning."""
    if record.date_order is None or record.date_order_reason == DateOrderReason.ROW:
        return None
    is_day_first = record.date_order == DateOrder.DAY_FIRST
    return DateOrder.MONTH_FIRST if is_day_first else DateOrder.DAY_FIRST


def with_date_findings(
    findings: Sequence[str],
    record: StatementRecord,
    first: datetime | None,
    last: datetime | None,
    now: datetime,
) -> list[str]:
    """Return the findings of a file with what its first and last time say. `now` is the import's time."""
    found = list(findings)
    if first and last and None in (believed(first, now), believed(last, now)):
        found.append(IMPOSSIBLE.format(local_text(first), local_text(last)))
    elif OUTSIDE not in found:
        return found
    if (other := other_order(record)) is not None:
        found.append(TRY_OTHER.format(other))
    return found
