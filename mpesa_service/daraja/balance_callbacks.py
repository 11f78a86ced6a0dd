"""The parser of a balance query's result: the balances of our shortcode's accounts, as claimed."""

from dataclasses import dataclass, field
from datetime import datetime

from mpesa_service.daraja.balances import AccountBalance, read_accounts
from mpesa_service.daraja.callbacks import read_command_result
from mpesa_service.daraja.codes import ResultCode


@dataclass(frozen=True, kw_only=True)
class BalanceResult:
    """The answer to a balance query. `accounts` is empty unless it worked: see `succeeded`.

    `result` is a row of the commands' table, whose texts are about payouts. Here only its code,
    `meaning`, `advice` and `credential_fault` matter. Either id may be "" but not both. `completed_at`
    is aware and in UTC.
    """

    result: ResultCode
    result_desc: str
    conversation_id: str
    originator_conversation_id: str
    accounts: tuple[AccountBalance, ...]
    completed_at: datetime | None
    raw: dict[str, object] = field(repr=False)

    @property
    def succeeded(self) -> bool:
        """Whether the query worked, for any type of its ResultCode."""
        return self.result.code == "0"


def parse_balance_result(raw: bytes) -> BalanceResult:
    """Read the result of a balance query. Raises UnreadableCallback."""
    envelope = read_command_result(raw, "balance_result")
    worked = envelope.result.code == "0"
    return BalanceResult(
        result=envelope.result,
        result_desc=envelope.result_desc,
        conversation_id=envelope.conversation_id,
        originator_conversation_id=envelope.originator_conversation_id,
        accounts=read_accounts(envelope.parameters.get("AccountBalance")) if worked else (),
        completed_at=envelope.completed_at,
        raw=envelope.raw,
    )
