"""The count of unknown codes in a row: one for each kind of command, for all processes and restarts."""

import json
import threading
from typing import Any

import pytest
from sqlalchemy import select

from mpesa_service.core import circuit_breaker, suspensions
from mpesa_service.core.circuit_breaker import UNKNOWN_CODES_IN_A_ROW
from mpesa_service.core.runtime import Runtime, build_runtime
from mpesa_service.domain.commands import CommandType
from mpesa_service.domain.moments import in_nairobi
from mpesa_service.models import UnknownCodeCount
from tests.support import Service
from tests.webhooks.test_outbox import outgoing

B2C = CommandType.B2C_PAYOUT


def unknown(
    service: Service, times: int = 1, code: str = "31337", of: CommandType = B2C, by: Runtime | None = None
) -> None:
    """Count results with an unknown code, each in a transaction of its own."""
    for _ in range(times):
        with (by or service.runtime).database.begin() as session:
            circuit_breaker.count_unknown(session, of, code, service.clock())


def known(service: Service, of: CommandType = B2C) -> None:
    with service.runtime.database.begin() as session:
        circuit_breaker.count_known(session, of)


def suspended(service: Service) -> list[str]:
    return [one.name for one in suspensions.list_all(service.runtime)]


def count(service: Service) -> int:
    with service.runtime.database.read() as session:
        return session.scalars(select(UnknownCodeCount.in_a_row)).one_or_none() or 0


def alerts(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "ALERT" in record.getMessage()]


def test_the_fifth_in_a_row_suspends_the_kind(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    unknown(service, UNKNOWN_CODES_IN_A_ROW - 1)
    assert (suspended(service), alerts(caplog)) == ([], [])
    unknown(service)
    assert suspended(service) == ["payouts: unknown code"]
    [alert] = alerts(caplog)
    for words in ("last 5 results of payouts", "31337", "in review", "mpesa suspensions resume payouts"):
        assert words in alert
    unknown(service, 3)
    assert len(alerts(caplog)) == 1
    [event] = [json.loads(one.payload) for one in outgoing(service)]
    [suspension] = suspensions.list_all(service.runtime)
    assert event["type"] == "commands.suspended"
    assert event["data"] == {
        "_id": event["data"]["_id"],
        "sequence": 1,
        "name": "payouts: unknown code",
        "reason": suspension.reason,
        "since": in_nairobi(suspension.since),
        "resume": "payouts",
    }


def test_each_suspension_has_one_event_and_a_low_balance_has_its_own(service: Service) -> None:
    for _ in range(2):
        with service.runtime.database.begin() as session:
            suspensions.suspend_initiator(session, "M-Pesa refuses the initiator", service.clock())
            suspensions.suspend(session, suspensions.LOW_BALANCE, "short", service.clock())
    found = [json.loads(one.payload)["data"] for one in outgoing(service)]
    assert [(one["name"], one["resume"]) for one in found] == [("refunds",) * 2, ("payouts",) * 2]
    suspensions.resume(service.runtime, "amina", "refunds")
    with service.runtime.database.begin() as session:
        suspensions.suspend_initiator(session, "again", service.clock())
    assert len(outgoing(service)) == 3


def test_a_transaction_that_is_rolled_back_publishes_nothing(service: Service) -> None:
    with service.runtime.database.begin() as session:
        suspensions.suspend(session, suspensions.OUT_OF_MONEY, "short", service.clock())
        session.rollback()
    assert (suspended(service), outgoing(service)) == ([], [])


def test_a_success_starts_again(service: Service) -> None:
    unknown(service, 4)
    known(service)
    assert count(service) == 0
    unknown(service, 4)
    assert suspended(service) == []


def test_another_code_starts_again(service: Service) -> None:
    unknown(service, 4)
    unknown(service, 4, code="41414")
    assert (count(service), suspended(service)) == (4, [])
    unknown(service, code="41414")
    assert suspended(service) == ["payouts: unknown code"]


def test_to_resume_starts_again(service: Service) -> None:
    unknown(service, 5)
    [ended] = suspensions.resume(service.runtime, "amina", suspensions.PAYOUTS)
    assert ended.name == suspensions.UNKNOWN_CODE_PAYOUTS
    unknown(service, 4)
    assert suspended(service) == []
    assert suspensions.resume(service.runtime, "amina", suspensions.PAYOUTS) == ()
    unknown(service, 4)
    assert suspended(service) == [], "also while nothing is suspended"


def test_every_type_of_payout_counts_as_a_payout(service: Service) -> None:
    types = [CommandType.POCHI_PAYOUT, CommandType.PAYBILL_PAYOUT, CommandType.TILL_PAYOUT, B2C, B2C]
    for one in types:
        unknown(service, of=one)
    assert suspended(service) == ["payouts: unknown code"]


@pytest.mark.parametrize(
    ("command_type", "name", "group"),
    [
        (CommandType.B2C_REFUND, "B2C refunds: unknown code", "refunds"),
        (CommandType.REVERSAL, "reversals: unknown code", "refunds"),
        (CommandType.STATUS_INQUIRY, "status inquiries: unknown code", "inquiries"),
        (CommandType.BALANCE_INQUIRY, "balance inquiries: unknown code", "inquiries"),
    ],
)
def test_the_other_kinds_count_for_themselves(
    service: Service, command_type: CommandType, name: str, group: str
) -> None:
    for one in CommandType:
        if one is not command_type:
            known(service, one)
    unknown(service, 4, of=command_type)
    for one in CommandType:
        if one is not command_type:
            known(service, one)
    unknown(service, of=command_type, code="31337")
    assert suspended(service) == [name]
    [found] = suspensions.list_all(service.runtime)
    assert f"mpesa suspensions resume {group}" in found.reason
    assert ("in review" in found.reason) == (group != "inquiries")
    assert suspensions.resume(service.runtime, "amina", group)


def test_a_result_without_a_code_counts_as_well(service: Service) -> None:
    unknown(service, 5, code="")
    assert "(none)" in suspensions.list_all(service.runtime)[0].reason


def test_what_is_rolled_back_does_not_count(service: Service) -> None:
    unknown(service, 4)
    with service.runtime.database.begin() as session:
        circuit_breaker.count_unknown(session, B2C, "31337", service.clock())
        session.rollback()
    assert (count(service), suspended(service)) == (4, [])


def test_all_processes_count_together(service: Service) -> None:
    other = build_runtime(service.runtime.settings)
    unknown(service, 2)
    unknown(service, 2, by=other)
    other.database.dispose()
    assert suspended(service) == []
    after_restart = build_runtime(service.runtime.settings)
    unknown(service, by=after_restart)
    after_restart.database.dispose()
    assert suspended(service) == ["payouts: unknown code"]


def test_ten_at_once_are_one_suspension(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    at_once([lambda: unknown(service)] * 10)
    assert (count(service), suspended(service)) == (10, ["payouts: unknown code"])
    assert len(alerts(caplog)) == 1


def test_to_resume_while_results_arrive_blocks_nobody(service: Service) -> None:
    unknown(service, 4)
    resume: Any = lambda: suspensions.resume(service.runtime, "amina", suspensions.PAYOUTS)  # noqa: E731
    at_once([lambda: unknown(service, 5), resume, lambda: unknown(service, 5), resume])
    suspensions.resume(service.runtime, "amina", suspensions.PAYOUTS)
    assert (count(service), suspended(service)) == (0, [])


def at_once(acts: list[Any]) -> None:
    failures: list[BaseException] = []

    def run(act: Any) -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
