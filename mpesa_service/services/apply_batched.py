"""Callbacks that come at the same moment, loaded and committed together (docs/decisions/0026)."""

import logging
from collections.abc import Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field

from mpesa_service.core.batching import Batching, NotServed
from mpesa_service.core.database import Database
from mpesa_service.core.log_lines import write_lines
from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.plans import Plan
from mpesa_service.log_lines import in_one_write
from mpesa_service.models.commit import commit_many
from mpesa_service.models.load import About, load_many
from mpesa_service.services.apply import Applied, Decide, apply

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Job:
    """A callback to apply. Its log lines belong to its own request, whichever thread writes them."""

    about: About
    decide: Decide
    context: Context = field(default_factory=copy_context, repr=False)


class BatchedApply:
    """`apply` for callbacks by address: `load` and `commit` are called once for all that come together.

    A callback that comes alone, that the batch could not serve, or that was overtaken goes the plain way. So
    does every callback on SQLite.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._batching = Batching(self._serve)

    def __call__(self, about: About, decide: Decide) -> Applied:
        """Load, decide and commit, as `apply` does."""
        if self._database.is_sqlite:
            return apply(self._database, about, decide)
        try:
            applied = self._batching(_Job(about, decide))
        except NotServed:
            applied = None
        return applied or apply(self._database, about, decide)

    def _serve(self, jobs: Sequence[_Job]) -> Sequence[Applied | None]:
        if len(jobs) == 1:
            return [apply(self._database, jobs[0].about, jobs[0].decide)]
        with self._database.writing() as connection:
            facts = load_many(connection, [job.about for job in jobs])
            plans = [job.context.run(_decide, job.decide, one) for job, one in zip(jobs, facts, strict=True)]
            numbers = [number for number, plan in enumerate(plans) if plan is not None]
            committed = commit_many(connection, [plan for plan in plans if plan is not None])
        applied: list[Applied | None] = [None] * len(jobs)
        with in_one_write():
            for number, done in zip(numbers, committed, strict=True):
                plan = plans[number]
                if plan is not None and done is not None:
                    jobs[number].context.run(write_lines, plan.log)
                    applied[number] = Applied(plan, done)
        return applied


def _decide(decide: Decide, facts: PaymentFacts | None) -> Plan | None:
    try:
        return decide(facts)
    except Exception:  # a callback that raises must not keep the others from being served
        log.exception("callback could not be decided in its batch")
        return None
