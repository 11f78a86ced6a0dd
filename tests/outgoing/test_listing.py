"""Refunds and payouts by the day on which M-Pesa moved the money."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from mpesa_service.outgoing import listing
from mpesa_service.outgoing.schemas import COLUMNS
from tests.c2b.pulls import at_the_simulators_time
from tests.payouts.support import PAYBILL, at_m_pesa, made, pay, payouts, to_phones
from tests.payouts.support import complete as complete_payouts
from tests.payouts.test_command import post_result
from tests.refunds import reversals
from tests.refunds.support import complete
from tests.support import PHONE, Service

LATE = "22.11.2026 23:59:58"
"""Nairobi time, as the result of a payout states it."""


def stated(service: Service, number: int = -1, at: str = LATE, **changes: Any) -> None:
    """Post a result of a payout that states when M-Pesa carried it out."""
    amount = at_m_pesa(service)[number].amount
    items = [
        {"Key": "TransactionAmount", "Value": amount},
        {"Key": "TransactionCompletedDateTime", "Value": at},
    ]
    post_result(service, number, ResultParameters={"ResultParameter": items}, **changes)


def listed(service: Service, query: str = "") -> Any:
    return service.call("GET", f"/outgoing?{query}", by="boss", admin=True).json


def shown(service: Service, query: str = "", *names: str) -> list[Any]:
    rows = listed(service, query)["data"]
    return [tuple(row[name] for name in names or ("kind", "amount")) for row in rows]


def run(service: Service, *words: str, code: int = 0) -> Any:
    result = service.app.test_cli_runner().invoke(args=["mpesa", "outgoing", *words])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def paid_out(service: Service) -> Service:
    """A refund of 40, a reversal of 70 and a payout of 500 that M-Pesa has carried out."""
    at_the_simulators_time(service)
    checkout = service.paid(amount=100)
    service.refund(checkout, 40)
    complete(service)
    service.clock.advance(1)
    reversals.reverse(service, service.paid("ORDER2", 70, "254722000001"))
    reversals.complete(service)
    service.clock.advance(1)
    made(service, PAYBILL)
    pay(service)
    complete_payouts(service)
    at_the_simulators_time(service)
    return service


class TestTheTime:
    def test_is_m_pesas_own(self, service: Service) -> None:
        made(service)
        pay(service)
        service.clock.advance(13 * 3600)  # the result arrives on the next day
        stated(service)
        [row] = payouts(service)
        assert row.completed_at == service.clock()
        names = ("paidAt", "paidAtSource", "status")
        of_the_day = shown(service, "paidFrom=2026-11-22&paidTo=2026-11-22", *names)
        assert of_the_day == [("2026-11-22T23:59:58.000+03:00", "callback", "succeeded")]
        assert shown(service, "paidFrom=2026-11-23&paidTo=2026-11-23") == []
        assert shown(service, "from=2026-11-22&to=2026-11-22") == [("payout", 100)]
        [shown_row] = service.call("GET", f"/payouts/{row.batch_id}/rows", by="boss", admin=True).json["data"]
        assert shown_row["paidAt"] == "2026-11-22T23:59:58.000+03:00"

    def test_every_kind_of_result_states_it(self, paid_out: Service) -> None:
        rows = listed(paid_out)["data"]
        assert [(row["kind"], row["type"], row["amount"], row["paidAtSource"]) for row in rows] == [
            ("payout", "paybill", 500, "callback"),
            ("refund", "reversal", 70, "callback"),
            ("refund", "b2c", 40, "callback"),
        ]
        assert all(row["paidAt"] for row in rows)
        checkout = paid_out.payments()[0].id
        [refund] = paid_out.call("GET", f"/{checkout}/refund").json["data"]
        assert (refund["paidAt"], refund["paidAtSource"]) == (rows[2]["paidAt"], "callback")

    def test_one_that_cannot_be_true_does_not_count(self, service: Service) -> None:
        made(service)
        pay(service)
        stated(service, at="01.01.2031 00:00:00")
        assert shown(service, "", "status", "paidAt") == [("succeeded", None)]

    def test_of_money_that_did_not_move_there_is_none(self, service: Service) -> None:
        made(service)
        pay(service)
        service.clock.advance(13 * 3600)
        stated(service)
        post_result(service, ResultCode=2040)
        assert shown(service, "", "status", "paidAtSource") == [("review", "callback")]
        [row] = payouts(service)
        body = {"action": "fail", "reason": "not on the statement"}
        answer = service.call("POST", f"/payouts/rows/{row.id}/resolve", body, by="boss", admin=True)
        assert answer.status_code == 200, answer.json
        assert shown(service, "", "status", "paidAt") == [("failed", None)]


class TestTheList:
    def test_both_kinds_in_pages(self, paid_out: Service) -> None:
        everything = [one["_id"] for one in listed(paid_out)["data"]]
        for query in ("", "paidFrom=2026-11-01"):
            found: list[str] = []
            after = ""
            while after is not None:
                page = listed(paid_out, f"limit=1&{query}{after and f'&after={after}'}")
                found += [one["_id"] for one in page["data"]]
                after = page["next"]
            assert sorted(found) == sorted(everything)
            assert len(found) == 3
        times = [one for [one] in shown(paid_out, "paidFrom=2026-11-01", "paidAt")]
        assert times == sorted(times, reverse=True)

    @pytest.mark.parametrize(
        ("query", "amounts"),
        [
            ("kind=refund", {40, 70}),
            ("kind=payout", {500}),
            ("status=succeeded", {40, 70, 500}),
            ("status=waiting", set()),
            ("kind=refund&status=waiting", set()),
            ("minAmount=70&maxAmount=499", {70}),
            ("from=2026-11-01&to=2026-11-02", set()),
        ],
    )
    def test_filters(self, paid_out: Service, query: str, amounts: set[int]) -> None:
        assert {amount for _, amount in shown(paid_out, query)} == amounts

    def test_by_receipt(self, paid_out: Service) -> None:
        [(receipt,)] = shown(paid_out, "kind=payout", "mpesaReceiptNumber")
        assert shown(paid_out, f"receipt={receipt.lower()}") == [("payout", 500)]

    def test_a_row_names_its_order_or_batch_and_no_whole_number(self, paid_out: Service) -> None:
        names = ("orderId", "reference", "row", "phoneNumber", "businessNumber", "accountReference")
        assert shown(paid_out, "", *names) == [
            (None, "PAY-1", 1, None, "888880", "METER-1"),
            ("ORDER2", None, None, None, None, None),
            ("ORDER1", None, None, "254712***678", None, None),
        ]

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("from=2026-11-23&to=2026-11-22", "invalid_time_range"),
            ("paidFrom=2026-11-23&paidTo=2026-11-22", "invalid_time_range"),
            ("minAmount=2&maxAmount=1", "invalid_amount"),
            ("kind=loan", "invalid_request"),
            ("limit=101", "invalid_request"),
        ],
    )
    def test_what_is_refused(self, service: Service, query: str, code: str) -> None:
        answer = service.call("GET", f"/outgoing?{query}", by="boss", admin=True)
        assert (answer.status_code, answer.json["code"]) == (400, code)

    def test_a_page_of_another_order(self, paid_out: Service) -> None:
        after = listed(paid_out, "limit=1")["next"]
        answer = paid_out.call("GET", f"/outgoing?paidFrom=2026-11-01&after={after}", by="boss", admin=True)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_request")

    def test_only_for_admins(self, service: Service) -> None:
        assert service.call("GET", "/outgoing").status_code == 403


class TestTheExport:
    def export(self, service: Service, query: str = "") -> Any:
        headers = {"Authorization": f"Bearer {service.token('boss', 'admin')}"}
        client = service.app.test_client()
        return client.get(f"/api/mpesa/outgoing/export?{query}", headers=headers, buffered=True)

    def test_csv(self, paid_out: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(listing, "BATCH", 2)
        answer = self.export(paid_out, "paidFrom=2026-11-01")
        assert answer.headers["Content-Type"].startswith("text/csv")
        assert 'filename="outgoing-' in answer.headers["Content-Disposition"]
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert tuple(rows[0]) == COLUMNS
        assert sum(int(row["amount"]) for row in rows) == 610
        assert PHONE not in answer.text

    def test_json_lines(self, paid_out: Service) -> None:
        answer = self.export(paid_out, "format=jsonl&kind=refund")
        found = [json.loads(line) for line in answer.text.splitlines()]
        assert found == listed(paid_out, "kind=refund")["data"]

    def test_no_cell_is_a_formula(self, service: Service) -> None:
        made(service, {**PAYBILL, "accountReference": "=1+1"})
        [row] = csv.DictReader(io.StringIO(self.export(service).text))
        assert row["accountReference"].startswith("'=")

    def test_an_empty_one_has_its_columns(self, service: Service) -> None:
        assert self.export(service).text.strip().split(",") == list(COLUMNS)
        assert self.export(service, "format=jsonl").text == ""


class TestTheCommand:
    def test_list(self, paid_out: Service) -> None:
        assert "ORDER1" in run(paid_out, "list").stdout
        first = json.loads(run(paid_out, "list", "--limit", "1", "--json").stdout)
        assert [one["amount"] for one in first["data"]] == [500]
        rest = run(paid_out, "list", "--limit", "1", "--after", first["next"])
        assert f"More: --after {listed(paid_out, 'limit=2')['next']}" in rest.stdout

    def test_export(self, paid_out: Service, tmp_path: Path) -> None:
        path = tmp_path / "day.csv"
        assert run(paid_out, "export", str(path)).stdout == f"Rows in {path}: 3.\n"
        assert path.read_text().count("\n") == 4
        assert "already exists" in run(paid_out, "export", str(path), code=1).stderr
        again = run(paid_out, "export", str(path), "--force", "--json", "--kind", "payout")
        assert json.loads(again.stdout) == {"file": str(path), "rows": 1}
        assert run(paid_out, "export", "-", "--format", "jsonl").stdout.count("\n") == 3


def test_many_rows_in_one_millisecond(service: Service) -> None:
    made(service, *to_phones(7))
    found: list[str] = []
    page = listed(service, "limit=3")
    while True:
        found += [row["_id"] for row in page["data"]]
        if page["next"] is None:
            break
        page = listed(service, f"limit=3&after={page['next']}")
    assert len(set(found)) == len(found) == 7
