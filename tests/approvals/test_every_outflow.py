"""The table: every outflow route, and each case of maker, approver and payee."""

import pytest

from mpesa_service.approvals.decide import CARRIED_OUT, expire_due
from mpesa_service.domain.outflow import Limit, OutflowKind
from tests.approvals.routes import LARGE, ROUTES, SMALL, Route
from tests.approvals.support import approval_row, counted, decide, refund, waits
from tests.payouts.support import post, to_phones
from tests.support import PHONE, Service

NOT_YET = {OutflowKind.BOOK_RECEIPT, OutflowKind.MATCH}
"""Kinds that no route has: M-Pesa's own answer proves a booking, and a match moves no money."""
every = pytest.mark.parametrize("route", ROUTES, ids=[route.kind.value for route in ROUTES])


def asked(service: Service, route: Route, by: str = "amina", amount: int = LARGE) -> tuple[str, str]:
    """Request what exceeds a limit; return its subject and the approval."""
    subject = route.prepare(service, amount)
    answer = route.request(service, subject, amount, by)
    assert answer.status_code == 202, answer.json
    approval = answer.json["data"]["approval"]
    assert (approval["kind"], approval["amount"]) == (route.kind, amount)
    assert not route.done(service, subject)
    return subject, str(approval["_id"])


def test_every_kind_has_its_route() -> None:
    assert {route.kind for route in ROUTES} == set(CARRIED_OUT) == set(OutflowKind) - NOT_YET


@every
def test_one_person_alone_below_the_limits(service: Service, route: Route) -> None:
    subject = route.prepare(service, SMALL)
    assert route.request(service, subject, SMALL, "amina").status_code in {200, 201}
    assert route.done(service, subject)


@every
def test_one_person_alone_above_the_limit(service: Service, route: Route) -> None:
    subject, approval = asked(service, route)
    assert Limit.SINGLE in approval_row(service, approval).limits.split()
    assert [row for row in counted(service) if row.kind == route.kind and row.subject_id == subject] == []


@every
@pytest.mark.parametrize("spelled", ["amina", "Amina ", "operator: AMINA"])
def test_the_maker_as_approver(service: Service, route: Route, spelled: str) -> None:
    subject, approval = asked(service, route)
    assert decide(service, approval, by=spelled).json["code"] == "maker_cannot_approve"
    assert not route.done(service, subject)


@every
def test_a_second_person_as_approver(service: Service, route: Route) -> None:
    subject, approval = asked(service, route)
    answer = decide(service, approval)
    assert (answer.status_code, answer.json["data"]["status"]) == (200, "approved"), answer.json
    assert route.done(service, subject)
    row = approval_row(service, approval)
    assert (row.requested_by, row.decided_by) == ("amina", "otieno")
    done = [one.amount for one in counted(service) if one.kind == route.kind]
    assert LARGE in done, "what is approved counts"


@every
def test_two_approvers(service: Service, route: Route) -> None:
    _, approval = asked(service, route)
    assert decide(service, approval).status_code == 200
    answer = decide(service, approval, by="wanjiku")
    assert (answer.status_code, answer.json["code"]) == (409, "approval_decided")
    assert len([one for one in counted(service) if one.kind == route.kind and one.amount == LARGE]) <= 2


@every
def test_a_second_person_who_rejects(service: Service, route: Route) -> None:
    subject, approval = asked(service, route)
    assert decide(service, approval, "reject").status_code == 200
    assert decide(service, approval, by="wanjiku").json["code"] == "approval_decided"
    assert not route.done(service, subject)


@every
def test_nobody(service: Service, route: Route) -> None:
    subject, approval = asked(service, route)
    service.clock.advance(3 * 86_400)
    service.tokens.clear()
    assert expire_due(service.runtime) == 1
    assert decide(service, approval).json["code"] == "approval_expired"
    assert not route.done(service, subject)


@every
def test_a_user_without_the_role(service: Service, route: Route) -> None:
    _, approval = asked(service, route)
    for what in ("approve", "reject"):
        answer = service.call("POST", f"/approvals/{approval}/{what}", {"reason": "x"}, by="shop")
        assert (answer.status_code, answer.json["code"]) == (403, "forbidden")


@every
def test_a_maker_whose_day_is_full(service: Service, route: Route) -> None:
    subject = route.prepare(service, SMALL)
    for number, amount in enumerate((100, 95)):
        body = {"reference": f"FULL-{number}", "rows": to_phones(5, amount)}
        assert post(service, body).status_code == 201
    waits(route.request(service, subject, SMALL, "Amina"), "maker_day")
    assert not route.done(service, subject)


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.to_phone], ids=lambda route: route.kind.value
)
def test_a_payee_whose_day_is_full(service: Service, route: Route) -> None:
    full = service.paid("FULL", 500, PHONE)
    service.clock.advance(200)
    assert refund(service, full, 500, by="wanjiku").status_code == 200
    subject = route.prepare(service, 101)
    waits(route.request(service, subject, 101, "amina"), "payee_day")
    assert not route.done(service, subject)
