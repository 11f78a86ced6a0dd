"""The lock that makes `Absent` hold to the end of a plan's transaction, on PostgreSQL.

A plan writes a payment if no expected order has its order id. A registration inserts an expected order if no
other caller pays its order id. Neither of two transactions sees what the other one has not committed. So each
locks the order id in its first statement, and the one that waits sees the rows of the other. SQLite has one
writer at a time, so it needs no lock.
"""

from sqlalchemy import text
from sqlalchemy.orm import Session

from mpesa_service.domain.plans import Absent
from mpesa_service.models.driver import Statement

_STAY_ABSENT = "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))"
_INSERT = text("SELECT pg_advisory_xact_lock(hashtextextended(:value, 0))")


def absence_lock(absent: Absent) -> Statement:
    """Return the statement of a plan's lock. Plans share it. PostgreSQL only."""
    return Statement(_STAY_ABSENT, (absent.value,), required=False)


def lock_against_absence(session: Session, value: str) -> None:
    """Wait for the plans that need `value` to be absent; later ones wait for the end of this transaction.

    Call this first in a transaction that inserts the value: with other locks, two could wait for each other.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_INSERT, {"value": value})
