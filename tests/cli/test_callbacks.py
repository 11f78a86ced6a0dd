"""The operators' commands for stored callbacks."""

import pytest

from tests.c2b.support import confirm, post_c2b
from tests.cli.test_unmatched import run, run_json
from tests.inquiries.test_request import answered, inquiries, request_status
from tests.refunds.support import complete
from tests.support import Service

BODY = b'{"TransID": "RKL51ZDR4F", "TransAmount": "?", "FirstName": "JOS\xc9", "MSISDN": "254712345678"}'
BY = ("--by", "amina")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What the commands do is tested on both databases elsewhere."""
    return sqlite_url


@pytest.fixture
def waiting(service: Service) -> str:
    post_c2b(service, BODY)
    return str(service.inbox()[-1].post_id)


def test_list(service: Service, waiting: str) -> None:
    confirm(service)
    shown = run(service, "callbacks", "list", "--unread")
    assert waiting in shown
    assert "1 unread" in shown
    assert "JOS" not in shown
    both = run_json(service, "callbacks", "list")
    assert [one["verdict"] for one in both] == ["unmatched", "unread"]
    assert "2 shown" in run(service, "callbacks", "list")
    assert run_json(service, "callbacks", "list", "--unread", "--after", waiting) == []


def test_list_says_what_each_is_about(service: Service) -> None:
    checkout = service.paid()
    receipt = service.payment(checkout)["mpesaReceiptNumber"]
    service.refund(checkout, 40)
    complete(service)
    request_status(service, receipt)
    service.call("POST", "/balance", {}, by="boss", admin=True)
    answered(service)
    shown = run(service, "callbacks", "list")
    rows = [line.split("│") for line in shown.splitlines() if line.startswith("│")]
    about = {"status": f"status of {receipt}", "balance": "balance"}
    assert {(row[6].strip(), row[8].strip()) for row in rows} == {
        (f"payment {service.row(checkout).id}", "paid"),
        (f"refund {service.refunds()[0].id}", "paid"),
        *((f"inquiry {one.id}: {about[one.kind]}", "answered") for one in inquiries(service)),
    }
    named = {one["inquiryId"]: one["_id"] for one in run_json(service, "callbacks", "list")}
    for one in inquiries(service):
        assert f"inquiry {one.id}: {about[one.kind]}\n" in run(service, "callbacks", "show", named[one.id])


def test_show(service: Service, waiting: str) -> None:
    shown = run(service, "callbacks", "show", waiting)
    assert '"FirstName": "JOS\\xc9"' in shown
    by_number = run_json(service, "callbacks", "show", str(service.inbox()[0].id))
    assert (by_number["_id"], by_number["body"][-16:]) == (waiting, ': "254712345678"}'[-16:])
    run(service, "callbacks", "dismiss", waiting, *BY, "--reason", "a test")
    assert "operator:amina" in run(service, "callbacks", "show", waiting)


def test_apply(service: Service, waiting: str) -> None:
    shown = run(service, "callbacks", "apply", waiting, "0" * 24, *BY, code=1)
    assert f"{waiting} is still unread: c2b_callback: TransAmount" in shown
    assert "There is no such callback." in shown
    assert "mpesa receipts book RECEIPT --by NAME" in shown
    assert f"mpesa callbacks dismiss {waiting} --by NAME --reason …" in shown
    found = run_json(service, "callbacks", "apply", "--all", *BY, code=1)
    assert [one["_id"] for one in found["callbacks"]] == [waiting]
    run(service, "callbacks", "dismiss", waiting, *BY, "--reason", "a test")
    assert "Callbacks that were tried again: 0." in run(service, "callbacks", "apply", "--all", *BY)


@pytest.mark.parametrize("words", [(), ("--all", "0" * 24)])
def test_apply_needs_ids_or_all(service: Service, words: tuple[str, ...]) -> None:
    assert "Give the ids of callbacks, or --all." in run(service, "callbacks", "apply", *words, *BY, code=2)


def test_dismiss(service: Service, waiting: str) -> None:
    shown = run(service, "callbacks", "dismiss", waiting, *BY, "--reason", "a test of our own")
    assert f"{waiting} is dismissed" in shown
    [row] = service.inbox()
    assert (row.decided_by, row.decided_why) == ("operator:amina", "a test of our own")
    assert "not unread" in run(service, "callbacks", "dismiss", waiting, *BY, "--reason", "again", code=1)


def test_retry(service: Service) -> None:
    assert "Callbacks that were tried again: 0." in run(service, "callbacks", "retry")
