"""Lists of payments and their trails over HTTP."""

from typing import Any
from urllib.parse import urlencode

import pytest

from mpesa_service.domain.trail import SENTENCES
from mpesa_service.web.query_fields import cursor
from tests.refunds.support import complete
from tests.review.support import resolve, to_review
from tests.support import PHONE, Service
from tests.support.many import add_payments, ids, phone_of


def listed(service: Service, query: str = "", **more: Any) -> Any:
    answer = service.call("GET", f"/payments{query}", **more)
    assert answer.status_code == 200, answer.json
    assert answer.json["success"] is True
    assert set(answer.json) == {"success", "message", "data", "next"}
    return answer.json


def refused(service: Service, path: str, status: int = 400) -> Any:
    answer = service.call("GET", path)
    assert answer.status_code == status, answer.json
    assert set(answer.json) - {"details"} == {"error", "message", "code", "requestId"}
    return answer.json


class TestList:
    def test_a_payment_is_shown_as_by_itself_but_for_its_refunds(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        service.refund(checkout, 40)
        complete(service)
        alone = service.payment(checkout)
        assert len(alone.pop("refunds")) == 1
        body = listed(service)
        assert body["data"] == [alone]
        assert (body["message"], body["next"]) == ("1 payment", None)
        assert body["data"][0]["phoneNumber"] == "254712***678"

    def test_pages_follow_each_other(self, service: Service) -> None:
        made = add_payments(service.runtime, 120)
        first = listed(service)
        assert ids(first["data"]) == made[::-1][:50]
        second = listed(service, f"?limit=100&after={first['next']}")
        assert ids(second["data"]) == made[::-1][50:]
        assert second["next"] is None
        again = listed(service, f"?after={cursor(made[0])}")
        assert (again["data"], again["next"]) == ([], None)

    def test_filters(self, service: Service) -> None:
        states = {1: "submitting", 2: "failed", 3: "review"}
        made = add_payments(service.runtime, 5, lambda n: {"status": states.get(n, "succeeded")})

        def found(**query: Any) -> list[int]:
            data = listed(service, f"?{urlencode(query, doseq=True)}")["data"]
            return [made.index(payment["_id"]) for payment in data]

        assert found(status="pending") == [1]
        assert found(status="review,failed") == found(status=["failed", "review"]) == [3, 2]
        assert found(provider="mpesa", orderId="ORDER4") == [4]
        assert found(receipt="RECEIPT2") == [2]
        assert found(phoneNumber=phone_of(3)) == found(phoneNumber=f"0{phone_of(3)[3:]}") == [3]
        assert found(phoneNumber=f"+{phone_of(3)}", status="failed") == []
        assert found(minAmount=103) == [4, 3]
        assert found(minAmount=101, maxAmount=102) == [2, 1]
        assert found(**{"from": "2026-11-01T09:02", "to": "2026-11-01T09:04:00+03:00"}) == [3, 2]
        assert found(**{"from": "2026-11-01T06:03Z"}) == [4, 3]
        assert found(to="2026-10-31") == []
        assert found(to="2026-11-01") == [4, 3, 2, 1, 0]
        assert found(**{"from": "2026-11-01", "to": "2026-11-01"}) == [4, 3, 2, 1, 0]
        assert found(**{"from": "2026-11-01"}) == [4, 3, 2, 1, 0]

    def test_a_time_can_be_copied_from_an_answer_as_it_is(self, service: Service) -> None:
        made = add_payments(service.runtime, 3)
        at = listed(service)["data"][1]["createdAt"]
        assert "+03:00" in at
        assert ids(listed(service, f"?from={at}")["data"]) == made[1:][::-1]
        assert ids(listed(service, f"?to={at}")["data"]) == made[:1]

    @pytest.mark.parametrize(
        ("query", "field", "code"),
        [
            ("limit=0", "limit", "invalid_request"),
            ("limit=101", "limit", "invalid_request"),
            ("limit=x", "limit", "invalid_request"),
            ("limit=", "limit", "invalid_request"),
            ("limit=5&limit=6", "limit", "invalid_request"),
            ("after=x", "after", "invalid_request"),
            ("after=", "after", "invalid_request"),
            ("status=paid", "status", "invalid_request"),
            ("status=submitting", "status", "invalid_request"),
            ("status=failed,", "status", "invalid_request"),
            ("status=failed&status=x", "status", "invalid_request"),
            ("provider=paypal", "provider", "invalid_request"),
            ("provider=mpesa&provider=stripe", "provider", "invalid_request"),
            ("orderId=a//b", "orderId", "invalid_order_id"),
            ("orderId=", "orderId", "invalid_order_id"),
            ("from=yesterday", "from", "invalid_request"),
            ("to=2026-02-30", "to", "invalid_request"),
            ("paidFrom=x", "paidFrom", "invalid_request"),
            ("paidTo=2026-02-30", "paidTo", "invalid_request"),
            ("sort=amount", "sort", "invalid_request"),
            ("receipt=%00", "receipt", "invalid_request"),
            ("receipt=", "receipt", "invalid_request"),
            ("phoneNumber=12345", "phoneNumber", "invalid_phone_number"),
            ("minAmount=-1", "minAmount", "invalid_request"),
            ("maxAmount=1.5", "maxAmount", "invalid_request"),
            ("minAmount=99999999999999999999", "minAmount", "invalid_request"),
            ("owner=other", "owner", "invalid_request"),
            ("owner=shop", "owner", "invalid_request"),
            ("Status=failed", "Status", "invalid_request"),
            ("offset=1", "offset", "invalid_request"),
            ("format=csv", "format", "invalid_request"),
        ],
    )
    def test_what_is_wrong_is_named(self, service: Service, query: str, field: str, code: str) -> None:
        body = refused(service, f"/payments?{query}")
        assert (set(body["details"]["fields"]), body["code"]) == ({field}, code)

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("from=9999-12-31T23:59:59-23:00", 0),
            ("to=9999-12-31T23:59:59-23:00", 1),
            ("from=0001-01-01T00:00:00%2B14:00", 1),
            ("from=0001-01-01&to=9999-12-31", 1),
            ("paidFrom=0001-01-01T00:00:00%2B14:00&paidTo=9999-12-31T23:59:59-23:00", 0),
            ("paidFrom=0001-01-01&paidTo=9999-12-31&sort=createdAt", 0),
        ],
    )
    def test_the_ends_of_the_calendar_are_times(self, service: Service, query: str, found: int) -> None:
        service.pending()
        answer = service.call("GET", f"/payments?{query}")
        assert (answer.status_code, len(answer.json["data"])) == (200, found)

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("from=2026-11-02&to=2026-11-01", "invalid_time_range"),
            ("paidFrom=2026-11-02&paidTo=2026-11-01", "invalid_time_range"),
            ("from=2026-11-02&to=2026-11-02T00:00", "invalid_time_range"),
            ("from=2026-11-02&to=2026-11-01T23:59", "invalid_time_range"),
            ("minAmount=2&maxAmount=1", "invalid_amount"),
        ],
    )
    def test_ranges_go_forward(self, service: Service, query: str, code: str) -> None:
        assert refused(service, f"/payments?{query}")["code"] == code
        assert refused(service, f"/payments/export?{query}")["code"] == code

    def test_everybody_sees_their_own_and_admins_all(self, service: Service) -> None:
        made = add_payments(service.runtime, 4, lambda n: {"owner": "shop" if n % 2 else "kiosk"})
        assert ids(listed(service)["data"]) == [made[3], made[1]]
        assert ids(listed(service, by="boss", admin=True)["data"]) == made[::-1]
        assert listed(service, by="stranger")["data"] == []
        assert listed(service, "?orderId=ORDER0")["data"] == []
        after = listed(service, "?limit=1", by="kiosk")["next"]
        assert ids(listed(service, f"?after={after}")["data"]) == [made[1]]


class TestEvents:
    def trail(self, service: Service, reference: str, **more: Any) -> Any:
        answer = service.call("GET", f"/payments/{reference}/events", **more)
        assert answer.status_code == 200, answer.json
        return answer.json["data"]

    def test_a_payment_and_its_refund_in_order_and_in_words(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        service.refund(checkout, 100)
        complete(service)
        found = self.trail(service, checkout)
        assert self.trail(service, service.row(checkout).id) == found
        assert [row["sequence"] for row in found] == [1, 2, 3, 4, 5, 6, 7]
        steps = [(row["cause"], row["from"], row["to"], row["actor"]) for row in found]
        assert steps == [
            ("created", None, "pending", "shop"),
            ("push_accepted", "pending", "pending", "mpesa"),
            ("paid", "pending", "succeeded", "mpesa"),
            ("refund_created", None, "pending", "boss"),
            ("refund_accepted", "pending", "pending", "mpesa"),
            ("refund_paid", "pending", "succeeded", "mpesa"),
            ("refunded_in_whole", "succeeded", "refunded", "mpesa"),
        ]
        assert [row["sentence"] for row in found] == [SENTENCES[row["cause"]] for row in found]
        [refund] = service.refunds()
        about = [(row["refund"], row["refundId"]) for row in found]
        assert about == [(None, None)] * 3 + [(refund.id, refund.conversation_id)] * 3 + [(None, None)]
        assert found[2]["evidence"] == "callback"
        assert found[0]["evidence"] is None
        assert found[0]["at"] == "2026-11-22T12:00:00.000+03:00"

    def test_shows_no_personal_data(self, service: Service) -> None:
        checkout = to_review(service, service.pending())
        why = f"called {PHONE}, Jane Wanjiku, about {checkout}"
        assert resolve(service, checkout, "settle", reason=why).status_code == 200
        answer = service.call("GET", f"/payments/{checkout}/events")
        text = answer.get_data(as_text=True)
        assert answer.json["data"][-1]["cause"] == "settled_by_operator"
        assert not [word for word in (PHONE[3:], "Wanjiku", checkout) if word in text]
        assert not [row for row in answer.json["data"] if "detail" in row]

    def test_it_is_the_owners_and_the_admins(self, service: Service) -> None:
        checkout = service.paid()
        payment = service.row(checkout).id
        assert len(self.trail(service, payment, by="boss", admin=True)) == 3
        answers = []
        for reference in (checkout, payment, "no-such-thing", "%00", "export"):
            answer = service.call("GET", f"/payments/{reference}/events", by="stranger")
            answers.append((answer.status_code, answer.json["code"], answer.json["message"]))
        assert set(answers) == {(404, "not_found", "There is no such payment.")}
