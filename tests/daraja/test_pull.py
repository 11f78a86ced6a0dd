"""Pull Transactions: every shape of an answer that was documented or seen."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from daraja_simulator import SimulatorOptions, SimulatorServer
from mpesa_service.daraja import (
    DarajaClient,
    DarajaSettings,
    OutcomeUnknown,
    PayerKind,
    PullQuery,
    PullRegistration,
    Refused,
)
from mpesa_service.daraja.pull import page_of_error, read_pull_page, read_pull_registration
from mpesa_service.daraja.verdicts import DarajaAnswer, judge_answer

ROW = {
    "transactionId": "qkl51zdr4f",
    "trxDate": "2026-11-22T12:00:00Z",
    "msisdn": 254712345678,
    "sender": "JANE",
    "transactiontype": "c2b-pay-bill-debit",
    "billreference": "SHOP1",
    "amount": "168.00",
    "organizationname": "SHOP",
}


def page(body: Any) -> Any:
    return read_pull_page("pull_query", DarajaAnswer(200, body))


@pytest.mark.parametrize("rows", [[[ROW]], [ROW], ROW, [[], [ROW]]], ids=["nested", "flat", "alone", "two"])
def test_a_row_in_every_shape(rows: Any) -> None:
    found = page({"ResponseRefID": "1", "ResponseCode": "1000", "Response": rows, "TotalPages": 3})
    [row] = found.rows
    assert (found.code, found.total_pages, found.size) == ("1000", 3, 1)
    assert (row.receipt, row.amount, row.bill_reference) == ("QKL51ZDR4F", Decimal("168.00"), "SHOP1")
    assert row.transacted_at == datetime(2026, 11, 22, 9, 0, tzinfo=UTC), "the Z is Nairobi time"
    assert (row.payer, row.payer_kind, row.sender) == ("254712345678", PayerKind.PLAIN, "JANE")


@pytest.mark.parametrize(
    "body",
    [
        {"RequestID": "1", "ResponseCode": "1001", "ResponseMessage": "No records found"},
        {"ResponseCode": "1000", "Response": [[]]},
        {"ResponseCode": 1000, "Response": []},
        {"ResponseCode": "1000"},
        {"ResponseCode": "1001", "Response": None, "TotalPages": "many"},
    ],
    ids=str,
)
def test_no_row(body: Any) -> None:
    found = page(body)
    assert (found.rows, found.unreadable, found.total_pages) == ((), (), None)
    assert found.code == str(body["ResponseCode"])


@pytest.mark.parametrize(
    "changes",
    [{"transactionId": None}, {"amount": "x"}, {"amount": "0.00"}, {"amount": "-5"}, {"amount": "1.005"}],
    ids=str,
)
def test_a_row_without_receipt_or_amount_is_kept(changes: dict[str, Any]) -> None:
    found = page({"ResponseCode": "1000", "Response": [[ROW | changes, ROW, "text"]]})
    assert (len(found.rows), found.unreadable, found.size) == (1, (ROW | changes, "text"), 3)


def test_what_a_row_may_lack() -> None:
    bare = {"TransactionID": "R1", "Amount": 5, "sender": "MPESA", "msisdn": "2547***678", "trxDate": "x"}
    [row] = page({"ResponseCode": "1000", "Response": [[bare]]}).rows
    assert (row.amount, row.sender, row.transacted_at, row.payer_kind) == (5, None, None, PayerKind.MASKED)
    [row] = page({"Response": [bare | {"trxDate": "20261122120000"}]}).rows
    assert row.transacted_at == datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    [row] = page({"Response": [bare | {"trxDate": "2026-13-22 12:00:00"}]}).rows
    assert row.transacted_at is None


def test_other_answers_are_errors() -> None:
    with pytest.raises(Refused, match="1002"):
        page({"ResponseCode": "1002", "ResponseDescription": "Bad"})
    with pytest.raises(OutcomeUnknown, match="ResponseCode is missing"):
        page({})


@pytest.mark.parametrize(
    ("body", "nothing"),
    [
        ({"ResponseCode": "1001", "ResponseMessage": "No records found or …"}, True),
        ({"errorCode": "500.001.1001", "errorMessage": "No records found"}, True),
        ({"errorCode": "500.001.1001", "errorMessage": "Internal Server Error"}, False),
        (None, False),
    ],
    ids=str,
)
def test_http_500_may_mean_no_row(body: Any, nothing: bool) -> None:
    error = judge_answer("pull_query", DarajaAnswer(500, body), reads=True)
    assert error is not None
    found = page_of_error(error)
    assert (found is not None and found.code == "1001") is nothing


def registration(body: Any) -> Any:
    return read_pull_registration("pull_register", DarajaAnswer(200, body))


def test_registration() -> None:
    assert not registration({"ResponseStatus": "1000", "ResponseDescription": "ok"}).already
    assert registration({"ResponseStatus": "1001", "ResponseDescription": "x"}).already
    with pytest.raises(Refused):
        registration({"ResponseStatus": "1002"})
    with pytest.raises(OutcomeUnknown):
        registration({})


@pytest.mark.parametrize("none", ["1001", "500", "empty"])
def test_against_the_simulator(none: str) -> None:
    with SimulatorServer(SimulatorOptions(timers="manual", seed=1, pull_none=none)) as simulator:  # type: ignore[arg-type]
        settings = DarajaSettings(
            base_url=simulator.url,
            consumer_key="key",
            consumer_secret="secret",
            shortcode="174379",
            passkey="p",
        )
        now = simulator.state.now()
        client = DarajaClient(settings, clock=lambda: now, sleep=lambda _: None)
        where = {"nominated_number": "254712345678", "callback_url": "https://shop.example/pull"}
        registered = PullRegistration(shortcode="174379", **where)
        assert [client.pull_register(registered).already for _ in range(2)] == [False, True]
        simulator.post("/simulator/tokens/revoke")
        found = client.pull_query(PullQuery(shortcode="174379", start=now, end=now))
        assert found.rows == ()
        with pytest.raises(Refused):
            client.pull_query(PullQuery(shortcode="174379", start=now, end=now, offset=-1))
