"""What the doctor says about actions that wait for a second person."""

from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.moments import in_nairobi
from mpesa_service.operations.check_results import CheckResult, good, skipped, warning
from mpesa_service.outflow.records import waiting_approvals

APPROVALS = "approvals"
APPROVALS_ADVICE = (
    "A second person decides: mpesa approvals list, then mpesa approvals approve ID --by NAME --reason WHY."
    " What nobody approves in time is not done."
)


def approvals(runtime: Runtime) -> Iterator[CheckResult]:
    """Report the actions that wait for a second person, and when the first of them expires."""
    try:
        with runtime.database.read() as session:
            number, first = waiting_approvals(session)
    except SQLAlchemyError:
        yield skipped(APPROVALS, "not known: the database does not answer")
        return
    if first is None:
        yield good(APPROVALS, "nothing waits for a second person")
        return
    waits = "action waits" if number == 1 else "actions wait"
    found = f"{number} {waits} for a second person; the first expires at {in_nairobi(first)}"
    yield warning(APPROVALS, found, APPROVALS_ADVICE)
