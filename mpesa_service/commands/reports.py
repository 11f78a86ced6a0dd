"""What M-Pesa says became of a command: a result, or the answer to a status query, in one form."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mpesa_service.daraja import CommandResult, StatusResult, whole_shillings
from mpesa_service.domain.outcomes import Outcome
from mpesa_service.domain.reports import Evidence


@dataclass(frozen=True, kw_only=True)
class Report:
    """One report, on one of the command's own addresses. `source` is the CommandResult,
    StatusResult or BalanceResult that it was read from.

    `reason` is the sentence for people; `receipt` is that of the money that moved, if any.
    """

    evidence: Evidence
    outcome: Outcome
    result_code: str
    result_desc: str
    reason: str
    source: Any
    amount_differs: bool = False
    receipt: str | None = None
    credential_fault: bool = False


def report_of_result(amount: int | None, result: CommandResult) -> Report:
    """Return what the result of a command over `amount` shillings says."""
    return Report(
        evidence=Evidence.CALLBACK,
        outcome=result.result.outcome,
        result_code=result.result.code,
        result_desc=result.result_desc,
        reason=result.result.say,
        source=result,
        amount_differs=_differs(amount, result.amount),
        receipt=result.receipt,
        credential_fault=result.result.credential_fault,
    )


def report_of_status(name: str, amount: int | None, result: StatusResult) -> Report:
    """Return what the answer to a status query says about the queried command."""
    status = result.transaction_status or "no status"
    return Report(
        evidence=Evidence.STATUS,
        outcome=result.outcome,
        result_code=result.result.code,
        result_desc=f"TransactionStatus {status}",
        reason=f"M-Pesa says that the {name} is {status.lower()}.",
        source=result,
        amount_differs=_differs(amount, result.amount),
        receipt=result.receipt,
        credential_fault=result.result.credential_fault,
    )


def _differs(ours: int | None, reported: Decimal | None) -> bool:
    return ours is not None and reported is not None and whole_shillings(reported) != ours
