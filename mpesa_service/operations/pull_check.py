"""The doctor's check of pulls: the last one of each number, and the times that were never pulled."""

from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from mpesa_service.c2b.pull_numbers import pulled_numbers
from mpesa_service.c2b.pull_records import PullRecord, list_pulls
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.moments import local_text
from mpesa_service.models.pulls import PullStatus
from mpesa_service.operations.check_results import CheckResult, good, skipped, warning, wrong

PULL = "pull"
PULL_ADVICE = "See: mpesa pull list, and docs/troubleshooting.md."


def pull_transactions(runtime: Runtime) -> Iterator[CheckResult]:
    """Check the last pull of received money, and that no time was left out."""
    if not runtime.settings.mpesa_pull:
        yield skipped(PULL, "MPESA_PULL is off: only a statement shows money whose confirmation was lost")
        return
    numbers = pulled_numbers(runtime.settings)
    try:
        pulls = {number: list_pulls(runtime, 100, number) for number in numbers}
    except SQLAlchemyError:
        yield skipped(PULL, "not known: the database does not answer")
        return
    for number in numbers:
        words = f"{number}: " if len(numbers) > 1 else ""
        yield from _of_number(words, [one for one in pulls[number] if one.finished_at is not None])


def _of_number(words: str, pulls: list[PullRecord]) -> Iterator[CheckResult]:
    last = pulls[0] if pulls else None
    if last is None:
        yield warning(PULL, f"{words}nothing was pulled yet", "Run: mpesa pull register, then mpesa pull run")
    elif last.status == PullStatus.COMPLETE:
        yield good(PULL, f"{words}complete up to {local_text(last.window_to)}")
    else:
        health = wrong if last.status == PullStatus.SUSPECT else warning
        yield health(PULL, f"{words}the last one is {last.status}: {last.error}", PULL_ADVICE)
    gap = next(((one.gap_from, one.window_from) for one in pulls if one.gap_from is not None), None)
    if gap is not None:
        found = "{}nothing was pulled from {} to {}".format(words, *map(local_text, gap))
        yield warning(
            PULL, found, "M-Pesa serves 48 hours. Compare this time with a statement of M-Pesa's portal."
        )
