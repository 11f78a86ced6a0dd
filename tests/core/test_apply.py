"""A plan is loaded, decided and committed exactly once, even when others write at the same time."""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from mpesa_service.core.apply import (
    ATTEMPTS,
    SETTLE_ATTEMPTS,
    NotCommitted,
    apply,
    apply_to,
    commit_until_settled,
)
from mpesa_service.core.database import Database
from mpesa_service.domain.audit import MPESA, Cause
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.plans import Change, LogLine, Plan
from mpesa_service.domain.states import OPEN
from mpesa_service.models.commit import commit
from mpesa_service.models.load import About
from tests.support.rows import AT, add, audit_row, dump, payment_row, suspension_row

P1 = About(id="p1")
LOG = "mpesa_service.test_apply"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    found = Database(database_url)
    add(found, payment_row("p1"))
    yield found
    found.dispose()


def pay(facts: PaymentFacts | None) -> Plan:
    """Settle a payment that is open; note that it was settled already."""
    assert facts is not None
    change = PaymentChange(facts)
    verdict = "duplicate"
    if facts.status in OPEN:
        change.move("paid", Cause(MPESA, AT, "callback"))
        verdict = "applied"
    return change.plan(verdict, "")


def touch(database: Database) -> None:
    """Change the payment as another process would: only its version."""
    with database.writing() as connection:
        [[version]] = connection.rows("SELECT version FROM payments WHERE id = 'p1'", ())
        plan = Plan("x", "", changes=(Change("payments", "p1", version, {"result_desc": "theirs"}),))
        assert commit(connection, plan) is not None


class Overtaken:
    """Decides by `decide`, but before the first `times` decisions another process writes."""

    def __init__(self, rival: Callable[[], Any], times: int = 1, decide: Callable[..., Plan] = pay) -> None:
        self.rival = rival
        self.times = times
        self.decide = decide
        self.calls = 0

    def __call__(self, facts: PaymentFacts | None) -> Plan:
        self.calls += 1
        if self.calls <= self.times:
            self.rival()
        return self.decide(facts)


def causes(database: Database) -> list[str]:
    return [row["cause"] for row in dump(database)["payment_events"]]


def test_a_plan_is_made_of_the_facts_and_written(database: Database) -> None:
    applied = apply(database, P1, pay)
    assert applied.plan.verdict == "applied"
    assert causes(database) == ["paid"]
    assert apply(database, P1, pay).plan.verdict == "duplicate"


def test_after_a_conflict_it_is_decided_again(database: Database) -> None:
    """Another process has settled the payment: nothing is written twice."""
    decide = Overtaken(lambda: apply(database, P1, pay))
    assert apply(database, P1, decide).plan.verdict == "duplicate"
    assert decide.calls == 2
    assert causes(database) == ["paid"]


def test_a_conflict_that_changes_nothing_for_the_decision(database: Database) -> None:
    assert apply(database, P1, Overtaken(lambda: touch(database))).plan.verdict == "applied"
    assert causes(database) == ["paid"]
    assert dump(database)["payments"][0]["result_desc"] == "theirs"


def test_after_a_few_conflicts_the_payment_is_locked(database: Database, database_url: str) -> None:
    """No other process can change the locked rows, so the plan is written."""
    conflicts = 1 if database.is_sqlite else ATTEMPTS
    seen: list[bool] = []

    def look_who_can_write(facts: PaymentFacts | None) -> Plan:
        seen.append(can_be_written(database, database_url))
        return pay(facts)

    decide = Overtaken(lambda: touch(database), conflicts, look_who_can_write)
    assert apply(database, P1, decide).plan.verdict == "applied"
    assert seen == [True] * conflicts + [False]
    assert can_be_written(database, database_url)


def can_be_written(database: Database, url: str) -> bool:
    if not database.is_sqlite:
        with database.locking() as connection:
            return bool(connection.rows("SELECT id FROM payments FOR UPDATE SKIP LOCKED", ()))
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
    return True


def test_facts_at_hand_are_taken_first_and_loaded_again_after_a_conflict(database: Database) -> None:
    seen: list[PaymentFacts | None] = []

    def look(facts: PaymentFacts | None) -> Plan:
        seen.append(facts)
        return pay(facts)

    apply(database, P1, look)
    [known] = seen
    assert apply(database, P1, look, known).plan.verdict == "duplicate"
    assert seen[1] is known
    assert len(seen) == 3
    assert causes(database) == ["paid"]


def test_of_no_payment_there_are_no_facts(database: Database) -> None:
    seen: list[PaymentFacts | None] = []

    def note(facts: PaymentFacts | None) -> Plan:
        seen.append(facts)
        return Plan("noted", "", rows=(suspension_row("noted"),))

    assert apply(database, About(id="p9"), note).plan.verdict == "noted"
    assert seen == [None]
    assert [row["name"] for row in dump(database)["suspensions"]] == ["noted"]


def test_what_cannot_be_decided_writes_nothing_and_holds_nothing(
    database: Database, database_url: str
) -> None:
    before = dump(database)
    with pytest.raises(ZeroDivisionError):
        apply(database, P1, Overtaken(lambda: 1 / 0, 9))
    with pytest.raises(ZeroDivisionError):
        apply(database, P1, fail_under_the_lock(database))
    assert dump(database)["payment_events"] == before["payment_events"]
    assert can_be_written(database, database_url)


def fail_under_the_lock(database: Database) -> Callable[[PaymentFacts | None], Plan]:
    conflicts = 1 if database.is_sqlite else ATTEMPTS
    calls: list[int] = []

    def decide(facts: PaymentFacts | None) -> Plan:
        calls.append(1)
        if len(calls) > conflicts:
            raise ZeroDivisionError
        touch(database)
        return pay(facts)

    return decide


def test_a_plan_that_is_refused_under_the_lock_is_an_error(
    database: Database, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    add(database, audit_row("p1", sequence=1))  # the number that its first audit line would have
    before = dump(database)
    with pytest.raises(NotCommitted):
        apply(database, P1, pay)
    assert dump(database) == before
    assert "state change" not in caplog.text
    assert can_be_written(database, database_url)


def test_an_error_of_the_database_is_raised_and_holds_nothing(database: Database, database_url: str) -> None:
    def spoil(facts: PaymentFacts | None) -> Plan:
        assert facts is not None
        change = Change("payments", "p1", facts.payment["version"], {"amount": "not a number"})
        return Plan("x", "", changes=(change,), rows=(suspension_row("h"),))

    if database.is_sqlite:
        pytest.skip("SQLite stores what it is given")
    with pytest.raises(DBAPIError):
        apply(database, P1, spoil)
    assert dump(database)["suspensions"] == []
    assert can_be_written(database, database_url)


def test_a_broken_rule_is_no_conflict(database: Database, database_url: str) -> None:
    """It would be refused every time, and its own error names the rule."""

    def break_a_rule(facts: PaymentFacts | None) -> Plan:
        assert facts is not None
        return Plan("x", "", changes=(Change("payments", "p1", 1, {"status": "nonsense"}),))

    decide = Overtaken(lambda: None, 0, break_a_rule)
    with pytest.raises(IntegrityError, match="ck_payments_status"):
        apply(database, P1, decide)
    assert decide.calls == 1
    assert can_be_written(database, database_url)


class TestLines:
    """A plan's log lines are written after its commit, and not before."""

    def saying(self, facts: PaymentFacts | None) -> Plan:
        assert facts is not None
        line = LogLine(LOG, logging.INFO, f"version {facts.payment['version']}", {})
        change = Change("payments", "p1", facts.payment["version"], {"result_desc": "mine"})
        return Plan("x", "", changes=(change,), log=(line,))

    @pytest.mark.parametrize("conflicts", [0, 1, ATTEMPTS])
    def test_what_they_say_is_committed(self, database: Database, conflicts: int) -> None:
        if database.is_sqlite:
            conflicts = min(conflicts, 1)
        seen: list[Any] = []

        def look(record: logging.LogRecord) -> bool:
            seen.append((record.getMessage(), dump(database)["payments"][0]["result_desc"]))
            return True

        with filtering(look):
            apply(database, P1, Overtaken(lambda: touch(database), conflicts, self.saying))
        assert seen == [(f"version {1 + conflicts}", "mine")]

    @pytest.mark.parametrize("conflicts", [0, 1])
    def test_one_that_cannot_be_written_undoes_nothing(
        self, database: Database, conflicts: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with filtering(lambda _: 1 / 0):
            apply(database, P1, Overtaken(lambda: touch(database), conflicts, self.saying))
        assert dump(database)["payments"][0]["result_desc"] == "mine"
        assert "ZeroDivisionError" in capsys.readouterr().err


@contextmanager
def filtering(keep: Callable[[logging.LogRecord], Any]) -> Iterator[None]:
    logger = logging.getLogger(LOG)
    logger.addFilter(keep)
    yield
    logger.removeFilter(keep)


def test_what_is_overtaken_too_often_is_not_committed() -> None:
    tried = []
    with pytest.raises(NotCommitted):
        commit_until_settled(lambda: tried.append("again"), lambda: tried.append("otherwise"))
    assert tried == ["again"] * SETTLE_ATTEMPTS + ["otherwise"]


def test_a_plan_that_settles_at_last_is_returned() -> None:
    plan = Plan("noted", "waits")
    assert commit_until_settled(lambda: None, lambda: plan) is plan


def test_a_payment_that_does_not_exist_is_not_found(database: Database) -> None:
    with pytest.raises(LookupError, match="p9 does not exist"):
        apply_to(database, "p9", pay)
