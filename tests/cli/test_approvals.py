"""The operators' commands for what waits for a second person."""

import pytest

from tests.approvals.support import LIMITS
from tests.cli.test_unmatched import run, run_json
from tests.support import Service

WHO = ("--by", "amina", "--reason", "broken")
OTHER = ("--by", "otieno", "--reason", "I checked")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def service_env(service_env: dict[str, str]) -> dict[str, str]:
    return {**service_env, **LIMITS}


def waiting(service: Service) -> str:
    payment = service.row(service.paid(amount=501)).id
    made = run_json(service, "payments", "refund", payment, *WHO)
    return str(made["approval"]["_id"])


def test_the_next_command_is_printed(service: Service) -> None:
    payment = service.row(service.paid(amount=700)).id
    text = run(service, "payments", "refund", payment, *WHO)
    approval = run_json(service, "approvals", "list")[0]["_id"]
    assert f"Nothing was done: approval {approval} (refund of 700 shillings) is waiting." in text
    assert "it is above APPROVAL_SINGLE, with it, one payee gets more than APPROVAL_PER_PAYEE_DAY" in text
    assert f"Next: mpesa approvals approve {approval} --by NAME --reason WHY" in text


def test_approve(service: Service) -> None:
    approval = waiting(service)
    assert "cannot approve it" in run(service, "approvals", "approve", approval, *WHO, code=1)
    text = run(service, "approvals", "approve", approval, *OTHER)
    [refund] = service.refunds()
    assert text == f"approval {approval} (refund of 501 shillings) is approved; it made {refund.id}\n"
    assert refund.requested_by == "operator:amina"
    assert "was approved by operator:otieno before" in run(
        service, "approvals", "approve", approval, *OTHER, code=1
    )


def test_reject_and_list(service: Service) -> None:
    approval = waiting(service)
    text = run(service, "approvals", "list")
    assert (approval in text, "254712***678" in text, "broken" in text) == (True, True, True)
    assert run_json(service, "approvals", "reject", approval, *OTHER)["status"] == "rejected"
    assert approval not in run(service, "approvals", "list")
    assert approval in run(service, "approvals", "list", "--status", "rejected")
