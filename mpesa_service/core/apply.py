"""The one way to change a payment: load its facts, decide, commit the plan.

No lock is held while a decision is made. If the payment has changed in the meantime, the commit writes
nothing, and all three steps are repeated with new facts. After a few conflicts the facts are locked first.
"""

import logging
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any

from mpesa_service.core.batching import Batching, NotServed
from mpesa_service.core.database import Database
from mpesa_service.core.encryption import Encryption
from mpesa_service.core.log_format import in_one_write, write_lines
from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.plans import Plan
from mpesa_service.models.commit import Committed, commit, commit_many
from mpesa_service.models.driver import Driver
from mpesa_service.models.load import About, load, load_many, lock

log = logging.getLogger(__name__)

ATTEMPTS = 3
"""Attempts without a lock, on PostgreSQL. SQLite has one: facts are old after a wait for the write lock."""
SETTLE_ATTEMPTS = 5
"""Attempts that read more than one payment, each after a commit by another process or thread."""

Decide = Callable[[PaymentFacts | None], Plan]
"""Makes the plan from the facts; None means that there is no such payment."""


class NotCommitted(Exception):
    """A plan was refused although all its facts were locked. This is a fault of this service."""


@dataclass(frozen=True)
class Applied:
    """A committed plan, and what the commit returned."""

    plan: Plan
    committed: Committed


def apply(database: Database, about: About, decide: Decide, known: PaymentFacts | None = None) -> Applied:
    """Load, decide and commit; return what is committed. The plan's log lines are written after the commit.

    The first attempt uses the `known` facts, if given, and does not load them. Raises what `decide` raises
    (nothing is written then), NotCommitted, and sqlalchemy.exc.DBAPIError.
    """
    for attempt in range(1 if database.is_sqlite else ATTEMPTS):
        plan, committed = _attempt(database, about, decide, known if attempt == 0 else None)
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


def apply_to(
    database: Database,
    payment_id: str,
    decide: Callable[[PaymentFacts], Plan],
    known: PaymentFacts | None = None,
    order_id: str | None = None,
) -> Applied:
    """`apply` to a payment that exists; raise LookupError if it does not.

    `order_id` is that of another expected order that the decision depends on.
    """

    def decide_existing(facts: PaymentFacts | None) -> Plan:
        if facts is None:
            raise LookupError(f"payment {payment_id} does not exist")
        return decide(facts)

    return apply(database, About(id=payment_id, order=order_id), decide_existing, known)


def _attempt(
    database: Database, about: About, decide: Decide, known: PaymentFacts | None
) -> tuple[Plan, Committed | None]:
    """Load, decide and commit once.

    No connection is held while a decision is made. A few decisions read more, on a connection of their own;
    threads that each hold a first one would wait for each other's second one.
    """
    if known is None:
        with database.reading() as connection:
            known = load(connection, about)
    plan = decide(known)
    with database.writing() as connection:
        return plan, commit(connection, plan)


def _applied(plan: Plan, committed: Committed) -> Applied:
    write_lines(plan.log)
    return Applied(plan, committed)


def commit_until_settled(attempt: Callable[[], Plan | None], otherwise: Callable[[], Plan | None]) -> Plan:
    """Call `attempt` until it has committed a plan; after too many conflicts, call `otherwise`.

    Returns the committed plan. Both functions load, plan and commit, and return None on a conflict. Raises
    NotCommitted if `otherwise` returns None.
    """
    for _ in range(SETTLE_ATTEMPTS):
        if (plan := attempt()) is not None:
            return plan
    if (plan := otherwise()) is not None:
        return plan
    raise NotCommitted("too many others were faster")


@dataclass(frozen=True)
class _Job:
    """A callback to apply. Its log lines carry the ids of its own request, in any thread that writes them."""

    about: About
    decide: Decide
    context: Context = field(default_factory=copy_context, repr=False)


class BatchedApply:
    """`apply` for callbacks by address. It loads and commits callbacks that arrive together in one batch.

    `apply` itself serves a callback that arrives alone, that the batch could not serve, or whose payment has
    changed meanwhile. See docs/decisions/0027.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._batching = Batching(self._serve)

    def __call__(self, about: About, decide: Decide) -> Applied:
        """Load, decide and commit, as `apply` does. An error is raised in the thread of its own callback.

        Also raises MaybeServed: the connection of a batch was lost, or the batch took too long.
        """
        try:
            applied = self._batching(_Job(about, decide))
        except NotServed:
            applied = None
        return applied or apply(self._database, about, decide)

    def _serve(self, jobs: Sequence[_Job]) -> Sequence[Applied | None]:
        """Return what is committed; None for each job that must be applied alone."""
        if len(jobs) == 1:
            return [apply(self._database, jobs[0].about, jobs[0].decide)]
        with self._database.reading() as connection:
            facts = _loaded(connection, [job.about for job in jobs])
        if facts is None:
            return [None] * len(jobs)
        plans = [job.context.run(_decide, job.decide, one) for job, one in zip(jobs, facts, strict=True)]
        with self._database.writing() as connection:
            return _commit_all(connection, jobs, plans)


def _commit_all(
    connection: Driver, jobs: Sequence[_Job], plans: Sequence[Plan | None]
) -> list[Applied | None]:
    """Commit the plans together; return what is committed, in the order of the jobs."""
    planned = [(number, plan) for number, plan in enumerate(plans) if plan is not None]
    committed = commit_many(connection, [plan for _, plan in planned])
    applied: list[Applied | None] = [None] * len(jobs)
    with in_one_write():
        for (number, plan), done in zip(planned, committed, strict=True):
            if done is not None:
                jobs[number].context.run(write_lines, plan.log)
                applied[number] = Applied(plan, done)
    return applied


def _loaded(connection: Driver, about: Sequence[About]) -> Sequence[PaymentFacts | None] | None:
    try:
        return load_many(connection, about)
    except Exception:  # nothing is written yet, and each callback that is applied alone gets its own error
        log.exception("the facts of a batch could not be loaded")
        return None


def _decide(decide: Decide, facts: PaymentFacts | None) -> Plan | None:
    try:
        return decide(facts)
    except Exception:  # a callback that raises must not stop the others of its batch
        log.exception("callback could not be decided in its batch")
        return None


def daraja_id_columns(encryption: Encryption, checkout_id: str, merchant_id: str | None) -> dict[str, Any]:
    """Return the columns of Daraja's ids of a payment. The CheckoutRequestID contains the phone number."""
    return {
        "checkout_id_encrypted": encryption.encrypt(checkout_id),
        "checkout_id_hash": encryption.blind_index("checkout", checkout_id),
        "merchant_request_id": merchant_id,
    }
