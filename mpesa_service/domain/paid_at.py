"""M-Pesa's own time of a payment: which stated times count, and which source is preferred."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mpesa_service.domain.plans import LogLine
from mpesa_service.domain.reports import PAID_AT_SOURCES, Decision, Evidence, Outcome, PaymentReport, Verdict

MPESA_BEGAN = datetime(2007, 3, 6, tzinfo=UTC)
"""The day on which M-Pesa started in Kenya (Safaricom)."""
IGNORED = "ignoredPaidAt"
"""The key of such a time in the detail of a line of the audit trail."""
CLOCKS_DIFFER_BY = timedelta(minutes=5)
TIMES_DIFFER_BY = timedelta(hours=1)
"""Sources state the same moment within seconds, and a prompt is paid within minutes. A time that differs by
more is wrong: its day and month are swapped, for example, or it is of another time zone."""


def believed(stated: datetime | None, now: datetime, prompted: datetime | None = None) -> datetime | None:
    """Return the stated time, or None if it cannot be true.

    A time in the future or before M-Pesa existed cannot be true. `prompted` is the result of `prompted_at`.
    """
    earliest = MPESA_BEGAN if prompted is None else prompted - TIMES_DIFFER_BY
    if stated is None or not earliest <= stated <= now + CLOCKS_DIFFER_BY:
        return None
    return stated


@dataclass(frozen=True)
class StatedTime:
    """What follows from the time that a report states. `ignored` is the text of a time that
    cannot be true, or cannot be read.

    `is_own_money`: the report says that the payment's own money arrived, and counts.
    """

    is_own_money: bool
    columns: dict[str, Any]
    ignored: str | None


def judge_time(payment: Mapping[str, Any], report: PaymentReport, decision: Decision) -> StatedTime:
    """Return what the time of a report changes in a payment.

    The time of a disputed callback is kept with its receipt, until Daraja confirms or denies the payment.
    """
    counts = decision.verdict in {Verdict.APPLIED, Verdict.DUPLICATE}
    own = report.outcome is Outcome.PAID and report.trusted and report.ids_agree and counts
    stated = report.paid_at
    believable = believed_of(payment, stated, report.evidence, report.at)
    columns: dict[str, Any] = {}
    if own:
        columns = columns_of_time(payment, believable, report.evidence)
    elif decision.verdict is Verdict.DISPUTED and decision.store_receipt:
        columns = {"claimed_paid_at": believable if report.evidence is Evidence.CALLBACK else None}
    ignored = None if believable is not None else ignored_text(stated, report.paid_at_text)
    return StatedTime(own, columns, ignored)


def believed_of(
    payment: Mapping[str, Any], stated: datetime | None, source: str, now: datetime
) -> datetime | None:
    """Return the time that a source states for a payment, or None if it cannot be true.

    The time of a statement's line is compared with what the other sources state, too.
    """
    found = believed(stated, now, prompted_at(payment))
    if found is None or source != Evidence.STATEMENT:
        return found
    known = payment["paid_at"] if payment["paid_at_source"] != Evidence.STATEMENT else None
    other = known or prompted_at(payment)
    return None if other is not None and are_far_apart(found, other) else found


def are_far_apart(one: datetime, other: datetime) -> bool:
    """Return whether two times cannot be the same moment. `statements/far_times.py` has the rule as SQL."""
    return abs(one - other) > TIMES_DIFFER_BY


def columns_of_time(payment: Mapping[str, Any], stated: datetime | None, source: str) -> dict[str, Any]:
    """Return the columns that a believed time changes. It replaces the time of a weaker source only.

    People save statements again, and change their dates. So a statement's time that is far from the one of
    another source is the weaker one, whichever came first.
    """
    known = payment["paid_at_source"]
    if stated is None:
        return {}
    if known == Evidence.STATEMENT and source != known and are_far_apart(stated, payment["paid_at"]):
        return {"paid_at": stated, "paid_at_source": source}
    if known is not None and PAID_AT_SOURCES.index(known) >= PAID_AT_SOURCES.index(source):
        return {}
    return {"paid_at": stated, "paid_at_source": source}


def claimed_columns(payment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns for a claim that turned out to be true."""
    return columns_of_time(payment, payment["claimed_paid_at"], Evidence.CALLBACK)


def prompted_at(payment: Mapping[str, Any]) -> datetime | None:
    """Return when the service created a payment that a prompt started; None for a C2B payment."""
    return payment["created_at"] if payment["channel"] == "stk" else None


def ignored_text(stated: datetime | None, text: str | None) -> str | None:
    """Return a stated time that does not count as M-Pesa wrote it, or else in ISO 8601; None without one."""
    return text or (stated.isoformat() if stated is not None else None)


def ignored_detail(ignored: str) -> dict[str, str]:
    """Return what the audit trail keeps of a stated time that cannot be true."""
    return {IGNORED: ignored}


def ignored_line(payment_id: str, stated: str) -> LogLine:
    """Return the log line about a stated time that cannot be true."""
    extra = {"payment_id": payment_id, "stated": stated}
    return LogLine(__name__, logging.WARNING, "M-Pesa stated a time of payment that cannot be true", extra)
