"""The circuit breaker: the same unknown result code, several times in a row, suspends that kind of command.

Each result with an unknown code needs manual review. A batch that goes on would leave hundreds of rows for
review, so the service stops until a person knows the meaning of the code. The count is in the database, for
all processes together. Its row stays locked to the end of the transaction, so results that arrive at the same
time are counted one after the other.
"""

from datetime import datetime
from functools import cache

from sqlalchemy import Executable, bindparam, case, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from mpesa_service.core import suspensions
from mpesa_service.domain.commands import CommandType
from mpesa_service.models import UnknownCodeCount
from mpesa_service.models.statements import table_of

UNKNOWN_CODES_IN_A_ROW = 5
"""So many results with the same unknown code, without another result between them, suspend a kind."""

_COUNTS = table_of(UnknownCodeCount)
_RESET = delete(_COUNTS).where(_COUNTS.c.name == bindparam("its_name"))


def count_known(session: Session, command_type: CommandType) -> None:
    """Start again from 0 after a success, or after a code that is in a table."""
    session.execute(_RESET, {"its_name": suspensions.unknown_code_of(command_type)})


def count_unknown(session: Session, command_type: CommandType, code: str, now: datetime) -> None:
    """Count a result with an unknown code, and suspend this kind of command if there are enough.

    A code other than the last one starts again from 1. Results that arrive during the suspension change
    nothing, and log no second alert.
    """
    name = suspensions.unknown_code_of(command_type)
    values = {"name": name, "result_code": code, "in_a_row": 1, "updated_at": now}
    count = session.execute(_upsert(session.connection().dialect.name), values).scalar_one()
    if count >= UNKNOWN_CODES_IN_A_ROW:
        suspensions.suspend(session, name, _reason(name, code, count), now)


@cache
def _upsert(dialect_name: str) -> Executable:
    insert = (sqlite.insert if dialect_name == "sqlite" else postgresql.insert)(_COUNTS)
    new = insert.excluded
    same = _COUNTS.c.result_code == new.result_code
    changed = {
        "result_code": new.result_code,
        "in_a_row": case((same, _COUNTS.c.in_a_row + 1), else_=1),
        "updated_at": new.updated_at,
    }
    statement: Executable = insert.on_conflict_do_update(index_elements=["name"], set_=changed).returning(
        _COUNTS.c.in_a_row
    )
    return statement


def _reason(name: str, code: str, count: int) -> str:
    """Return what happened and what a person does about it."""
    group = suspensions.group_of(name)
    review = "" if group == suspensions.INQUIRIES else " Decide on those in review."
    return (
        f"the last {count} results of {name.partition(':')[0]} have the code {code or '(none)'}, which is in "
        f"no table. Look the code up, or ask Safaricom.{review} Then resume: "
        f"mpesa suspensions resume {group} --by NAME"
    )
