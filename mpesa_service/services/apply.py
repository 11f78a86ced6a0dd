"""The one way to change a payment: load its facts, decide, commit the plan.

Nobody holds a lock while a decision is made. If the payment has changed in the meantime, the commit writes
nothing, and the whole is done again with new facts. After a few conflicts the facts are locked first.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mpesa_service.core.database import Database
from mpesa_service.core.log_lines import write_lines
from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.plans import Plan
from mpesa_service.models.commit import Committed, commit
from mpesa_service.models.load import About, load, lock

ATTEMPTS = 3
"""Without a lock, on PostgreSQL. On SQLite it is one: after a wait in the writers' queue, facts are old."""
SETTLE_ATTEMPTS = 5
"""Attempts that look at more than one payment, each after somebody else's commit."""

Decide = Callable[[PaymentFacts | None], Plan]
"""Makes the plan from the facts; None means that there is no such payment."""


class NotCommitted(Exception):
    """A plan was refused although everything that it rests on was locked: a fault of ours."""


@dataclass(frozen=True)
class Applied:
    """The plan that is committed, and what the commit says of its updates."""

    plan: Plan
    committed: Committed


def apply(database: Database, about: About, decide: Decide, known: PaymentFacts | None = None) -> Applied:
    """Load, decide and commit; return what is committed. The plan's log lines are written after that.

    `known` are facts at hand, from which the first attempt is made. Raises what `decide` raises, and then
    nothing is written; NotCommitted; sqlalchemy.exc.DBAPIError.
    """
    for attempt in range(1 if database.is_sqlite else ATTEMPTS):
        facts = known if attempt == 0 and known is not None else _load(database, about)
        plan = decide(facts)
        with database.writing() as connection:
            committed = commit(connection, plan)
        if committed is not None:
            return _applied(plan, committed)
    with database.locking() as connection:
        if connection.is_postgres:
            lock(connection, about)
        plan = decide(load(connection, about))
        committed = commit(connection, plan)
        if committed is None:
            raise NotCommitted(plan.reason)
    return _applied(plan, committed)


def _load(database: Database, about: About) -> PaymentFacts | None:
    with database.reading() as connection:
        return load(connection, about)


def _applied(plan: Plan, committed: Committed) -> Applied:
    write_lines(plan.log)
    return Applied(plan, committed)


def commit_until_settled(attempt: Callable[[], Plan | None], otherwise: Callable[[], Plan | None]) -> Plan:
    """Call `attempt` until it has committed a plan; after too many conflicts, `otherwise`; return the plan.

    Both look at the database, plan and commit, and return None if somebody else was faster. Raises
    NotCommitted if `otherwise` does.
    """
    for _ in range(SETTLE_ATTEMPTS):
        if (plan := attempt()) is not None:
            return plan
    if (plan := otherwise()) is not None:
        return plan
    raise NotCommitted("too many others were faster")
