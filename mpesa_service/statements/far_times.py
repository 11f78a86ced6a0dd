"""Times of lines that are far from what another source states: the rule of `domain/paid_at.py`, as SQL.

Such a time changes nothing, and is a finding of the statement. The other source is a callback, a
confirmation, a status or a pull; else the time at which the service sent the prompt. A refund or payout
cannot be earlier than its request.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mpesa_service.domain.moments import EAST_AFRICA
from mpesa_service.domain.paid_at import TIMES_DIFFER_BY, are_far_apart
from mpesa_service.domain.statements import DateOrder

PROMPT, REQUEST = "prompt", "request"
_SECONDS = int(TIMES_DIFFER_BY.total_seconds())
_OF_PAYMENT = "CASE WHEN p.paid_at_source <> 'statement' THEN {time} WHEN p.channel = 'stk' THEN {sent} END"
_OF_COMMAND = """
    CASE WHEN {paid_at_source} <> 'statement' THEN {time} WHEN l.completed_at < {created_at} THEN {sent} END
"""
_BOTH = {name: f"COALESCE(r.{name}, o.{name})" for name in ("paid_at", "paid_at_source", "created_at")}
PAYMENT_TIME = _OF_PAYMENT.format(time="p.paid_at", sent="p.created_at")
"""What another source states about the payment `p`."""
OTHER_TIME = f"""
    CASE WHEN l.amount_cents > 0 THEN {PAYMENT_TIME} ELSE
    {_OF_COMMAND.format(**_BOTH, time=_BOTH["paid_at"], sent=_BOTH["created_at"])} END
"""
"""What another source states about the payment `p`, refund `r` or payout `o` of the line `l`."""
OTHER_SOURCE = f"""
    CASE WHEN l.amount_cents > 0 THEN {_OF_PAYMENT.format(time="p.paid_at_source", sent=f"'{PROMPT}'")} ELSE
    {_OF_COMMAND.format(**_BOTH, time=_BOTH["paid_at_source"], sent=f"'{REQUEST}'")} END
"""
ZONE = timedelta(minutes=30)
"""Time zones differ by multiples of this."""
CLOSE = timedelta(minutes=2)
SWAPPED = "Their day and month look swapped."
NEXT_SWAPPED = f"{SWAPPED} Download the file again from the portal, and do not save it with a spreadsheet."
NEXT_ORDER = f"{SWAPPED} Import the file again with `--dates {{}}` (`dates` in the API)."
NEXT_APPLIED = (
    f"{NEXT_SWAPPED} Apply that one, then withdraw this statement, and apply that one again: it replaces the"
    " times that this one stated."
)
NEXT_ZONE = (
    "They look like times of another time zone. Download the file again from the portal: its times are those"
    " of Nairobi."
)
NEXT = "Look the receipts up in the portal. If the file is wrong, download it again."


def far_apart(one: str, other: str, *, postgres: bool) -> str:
    """Return the condition that two times cannot be the same moment; unknown if one of them is null."""
    if postgres:
        return f"ABS(EXTRACT(EPOCH FROM ({one}) - ({other}))) > {_SECONDS}"
    return f"ABS(STRFTIME('%s', {one}) - STRFTIME('%s', {other})) > {_SECONDS}"


def command_time(table: str) -> str:
    """Return what another source states about a row of `refunds` or `payouts`, beside the line `l`."""
    own = {name: f"{table}.{name}" for name in _BOTH}
    return _OF_COMMAND.format(**own, time=own["paid_at"], sent=own["created_at"])


@dataclass(frozen=True)
class FarTime:
    """A line whose time is far from what another source states. `source` may be the prompt or the request."""

    row: int | None
    receipt: str
    at: datetime
    our_id: str
    other_at: datetime
    source: str


def next_step(found: Sequence[FarTime], other: DateOrder | None, *, applied: bool) -> str | None:
    """Return what a person does about these lines; None if there are none.

    `other` is the order in which the dates of the file can be read again, unless it was applied.
    """
    if not found:
        return None
    if any(_is_swapped(one) for one in found):
        if applied:
            return NEXT_APPLIED
        return NEXT_SWAPPED if other is None else NEXT_ORDER.format(other)
    if all(_is_of_another_zone(one) for one in found):
        return NEXT_ZONE
    return NEXT


def _is_swapped(one: FarTime) -> bool:
    local = one.at.astimezone(EAST_AFRICA)
    if local.day > 12:
        return False
    return not are_far_apart(local.replace(month=local.day, day=local.month), one.other_at)


def _is_of_another_zone(one: FarTime) -> bool:
    apart = abs(one.at - one.other_at)
    rest = apart % ZONE
    return apart <= timedelta(hours=14) and min(rest, ZONE - rest) <= CLOSE
