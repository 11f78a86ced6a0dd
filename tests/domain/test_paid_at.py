"""M-Pesa's own time of a payment: when it is believed, and which source counts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mpesa_service.domain.audit import MPESA, Cause
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.paid_at import CLOCKS_DIFFER_BY, MPESA_BEGAN, TIMES_DIFFER_BY, believed
from mpesa_service.domain.planning import apply_report
from mpesa_service.domain.plans import Plan
from mpesa_service.domain.reports import PAID_AT_SOURCES, Evidence, PaymentReport
from mpesa_service.domain.states import PaymentStatus
from tests.domain.facts import AT, payment_facts
from tests.domain.reports import OTHER_RECEIPT, RECEIPT, claim, query

S = PaymentStatus
STATED = AT - timedelta(seconds=3)
LATER = AT - timedelta(seconds=1)
A_SECOND = timedelta(seconds=1)
PAID: dict[str, Any] = {"receipt": RECEIPT, "status": S.SUCCEEDED}


def after(report: PaymentReport, **columns: Any) -> tuple[datetime | None, str | None, Plan]:
    """Return the time and the source after a report, and the plan."""
    change = PaymentChange(payment_facts(**columns))
    decision = apply_report(change, report)
    return change.now["paid_at"], change.now["paid_at_source"], change.plan(decision.verdict, "")


def lines(plan: Plan) -> list[str]:
    return [row.columns["cause"] for row in plan.rows]


class TestBelieved:
    @pytest.mark.parametrize(
        ("stated", "prompted", "counts"),
        [
            (AT, None, True),
            (AT + CLOCKS_DIFFER_BY, None, True),
            (AT + CLOCKS_DIFFER_BY + A_SECOND, None, False),
            (MPESA_BEGAN, None, True),
            (MPESA_BEGAN - A_SECOND, None, False),
            (datetime(1970, 1, 1, tzinfo=UTC), None, False),
            (AT - timedelta(days=400), None, True),
            (AT - TIMES_DIFFER_BY, AT, True),
            (AT - TIMES_DIFFER_BY - A_SECOND, AT, False),
            (None, None, False),
        ],
    )
    def test_times(self, stated: datetime | None, prompted: datetime | None, counts: bool) -> None:
        assert believed(stated, AT, prompted) == (stated if counts else None)

    def test_what_is_not_believed_is_noted_and_changes_no_time(self) -> None:
        stated = datetime(1970, 1, 1, tzinfo=UTC)
        at, source, plan = after(claim(paid_at=stated))
        assert (at, source) == (None, None)
        assert plan.changes[0].columns["status"] == S.SUCCEEDED
        assert plan.rows[0].columns["detail"]["ignoredPaidAt"] == "1970-01-01T00:00:00+00:00"
        [warning] = [line for line in plan.log if "cannot be true" in line.message]
        assert warning.extra == {"payment_id": "payment", "stated": "1970-01-01T00:00:00+00:00"}

    def test_a_customer_who_starts_the_payment_may_pay_long_before_it_is_reported(self) -> None:
        long_ago = AT - timedelta(days=20)
        columns = {"channel": "c2b", **PAID}
        assert after(claim(evidence=Evidence.CONFIRMATION, paid_at=long_ago), **columns)[0] == long_ago


class TestSources:
    def test_the_order_names_evidence_that_exists_and_not_a_query(self) -> None:
        known = {"callback", "confirmation", "status"}
        assert known == set(PAID_AT_SOURCES) & {word.value for word in Evidence} - {"pull", "statement"}
        assert not {"push", "query", "operator"} & set(PAID_AT_SOURCES)

    def test_the_report_that_pays_states_the_time_and_the_event_has_it(self) -> None:
        at, source, plan = after(claim(paid_at=STATED))
        assert (at, source) == (STATED, "callback")
        assert plan.events[0].data["paidAt"] == STATED
        assert plan.events[0].data["paidAtSource"] == "callback"
        assert lines(plan) == ["paid"]

    def test_a_report_without_a_time_keeps_it(self) -> None:
        stated = {"paid_at": STATED, "paid_at_source": "callback", **PAID}
        for report in (claim(), query(claim().outcome), claim(evidence=Evidence.CONFIRMATION)):
            at, source, plan = after(report, **stated)
            assert (at, source, plan.rows) == (STATED, "callback", ())

    @pytest.mark.parametrize("first", PAID_AT_SOURCES[:3])
    @pytest.mark.parametrize("second", [Evidence.CALLBACK, Evidence.CONFIRMATION, Evidence.STATUS])
    def test_only_a_stronger_source_replaces_it(self, first: str, second: Evidence) -> None:
        at, source, plan = after(
            claim(evidence=second, paid_at=LATER),
            **{**PAID, "paid_at": STATED, "paid_at_source": first, "evidence": first},
        )
        stronger = PAID_AT_SOURCES.index(second) > PAID_AT_SOURCES.index(first)
        assert (at, source) == ((LATER, second) if stronger else (STATED, first))
        line = "confirmed_again" if second is Evidence.STATUS else "paid_at_stated"
        assert lines(plan) == ([line] if stronger else [])

    def test_the_same_time_from_a_stronger_source_needs_no_line(self) -> None:
        report = claim(evidence=Evidence.CONFIRMATION, paid_at=STATED)
        at, source, plan = after(report, paid_at=STATED, paid_at_source="callback", **PAID)
        assert (at, source, lines(plan)) == (STATED, "confirmation", [])

    def test_the_report_that_names_the_receipt_later_states_the_time(self) -> None:
        at, _, plan = after(claim(paid_at=STATED), status=S.SUCCEEDED)
        assert (at, lines(plan)) == (STATED, ["applied"])


class TestStatements:
    """A statement's time that is far from what another source states is wrong."""

    @pytest.mark.parametrize("channel", ["stk", "c2b"])
    @pytest.mark.parametrize("apart", [TIMES_DIFFER_BY, TIMES_DIFFER_BY + A_SECOND])
    def test_replaces_the_time_of_another_source_only_if_it_is_near(
        self, apart: timedelta, channel: str
    ) -> None:
        columns = {**PAID, "channel": channel, "paid_at": AT, "paid_at_source": "pull"}
        report = claim(evidence=Evidence.STATEMENT, paid_at=AT + apart)
        at, source, plan = after(replace(report, at=AT + timedelta(days=1)), **columns)
        near = apart == TIMES_DIFFER_BY
        assert (at, source) == ((AT + apart, "statement") if near else (AT, "pull"))
        details = [row.columns["detail"] or {} for row in plan.rows]
        assert any("ignoredPaidAt" in detail for detail in details) is not near

    @pytest.mark.parametrize(("channel", "counts"), [("stk", False), ("c2b", True)])
    def test_without_a_time_the_prompt_is_the_other_source(self, channel: str, counts: bool) -> None:
        # The payment was created at AT, and its prompt was sent then.
        report = claim(evidence=Evidence.STATEMENT, paid_at=AT + timedelta(hours=3))
        report = replace(report, at=AT + timedelta(days=1))
        at, _, _ = after(report, **PAID, channel=channel)
        assert (at is not None) is counts

    @pytest.mark.parametrize("hours", [1, 3])
    def test_loses_a_time_that_is_far_from_a_source_that_comes_later(self, hours: int) -> None:
        of_statement = AT - timedelta(hours=hours)
        columns = {**PAID, "channel": "c2b", "paid_at": of_statement, "paid_at_source": "statement"}
        at, source, _ = after(claim(evidence=Evidence.CONFIRMATION, paid_at=AT), **columns)
        assert (at, source) == ((AT, "confirmation") if hours == 3 else (of_statement, "statement"))


class TestOtherMoney:
    @pytest.mark.parametrize(
        "report",
        [
            claim(paid_at=STATED, trusted=False),
            claim(paid_at=STATED, ids_agree=False),
            claim(paid_at=STATED, receipt=OTHER_RECEIPT),
            claim(claim().outcome.FAILED, paid_at=STATED),
        ],
        ids=["another address", "other ids", "another receipt", "not paid"],
    )
    def test_states_no_time(self, report: PaymentReport) -> None:
        assert after(report, **PAID)[:2] == (None, None)
        assert after(claim(paid_at=STATED, trusted=False), paid_at=None, **PAID)[:2] == (None, None)

    def test_a_second_payment_of_a_proven_one_leaves_its_time(self) -> None:
        stated = {"paid_at": STATED, "paid_at_source": "confirmation", "confirmed": True, **PAID}
        assert after(claim(paid_at=LATER, receipt=OTHER_RECEIPT), **stated)[:2] == (STATED, "confirmation")


class TestClaims:
    def test_a_success_after_a_failure_keeps_its_time_until_daraja_confirms_it(self) -> None:
        change = PaymentChange(payment_facts(S.FAILED))
        apply_report(change, claim(paid_at=STATED))
        assert (change.now["paid_at"], change.now["claimed_paid_at"]) == (None, STATED)
        confirmed = PaymentChange(payment_facts(**{**change.now, "status": S.FAILED}))
        apply_report(confirmed, query(claim().outcome))
        assert confirmed.status is S.SUCCEEDED
        assert (confirmed.now["paid_at"], confirmed.now["paid_at_source"]) == (STATED, "callback")

    def test_a_payment_that_was_not_paid_has_no_time(self) -> None:
        facts = payment_facts(S.REVIEW, paid_at=STATED, paid_at_source="callback")
        change = PaymentChange(facts)
        change.move("failed_by_operator", Cause(MPESA, AT))
        assert (change.now["paid_at"], change.now["paid_at_source"]) == (None, None)
