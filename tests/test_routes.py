"""Every route is guarded, documented and answers in the shapes that clients were promised."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_spec_validator import validate

from mpesa_service.web.blueprint import Guard
from tests.support import Service

THIRD_PARTY = {"api-docs.openapi_json"}
PUBLIC = {
    "health.alive",
    "health.ready",
    "mpesa.stk_callback",
    "mpesa.stk_callback_anywhere",
    "mpesa.command_result",
    "mpesa.command_timeout",
    "mpesa.command_status_result",
    "mpesa.command_status_timeout",
    "c2b.confirmation",
    "c2b.validation",
}
ADMIN = {
    "mpesa.approvals",
    "mpesa.get_approval",
    "mpesa.approve_action",
    "mpesa.reject_action",
    "mpesa.transaction",
    "mpesa.balance",
    "mpesa.pulls",
    "mpesa.outgoing",
    "mpesa.export_outgoing",
    "mpesa.book_one_receipt",
    "mpesa.refresh_balance",
    "mpesa.refund_payment",
    "mpesa.register_c2b",
    "mpesa.list_suspensions",
    "mpesa.list_revocations",
    "mpesa.revoke_tokens",
    "mpesa.resume_suspended",
    "mpesa.review",
    "mpesa.discrepancies",
    "mpesa.close_one_discrepancy",
    "mpesa.unread_callbacks",
    "mpesa.apply_unread_callbacks",
    "mpesa.apply_unread_callback",
    "mpesa.dismiss_unread_callback",
    "mpesa.resolve_payment",
    "mpesa.move_payment",
    "mpesa.unmatched",
    "mpesa.match_unmatched",
    "mpesa.return_unmatched",
    "mpesa.close_unmatched",
    "mpesa.c2b_rules",
    "mpesa.set_c2b_rules",
    "mpesa.add_webhook",
    "mpesa.list_webhooks",
    "mpesa.get_webhook",
    "mpesa.change_webhook",
    "mpesa.disable_webhook",
    "mpesa.rotate_webhook",
    "mpesa.list_webhook_deliveries",
    "mpesa.resend_webhook_delivery",
    "mpesa.replay_webhook",
    "mpesa.create_payouts",
    "mpesa.list_payouts",
    "mpesa.get_payouts",
    "mpesa.list_payout_rows",
    "mpesa.payout_result",
    "mpesa.payout_result_workbook",
    "mpesa.approve_payouts",
    "mpesa.pause_payouts",
    "mpesa.resume_payouts",
    "mpesa.stop_payouts",
    "mpesa.payouts_in_review",
    "mpesa.resolve_payout_row",
    "mpesa.apply_statement",
    "mpesa.get_statement_report",
    "mpesa.list_all_statements",
    "mpesa.withdraw_one_statement",
    "mpesa.statement_coverage",
    "mpesa.upload_statement",
}
WORDS = {"name": "refunds"}
"""What stands in a path that does not take anything."""


def guards(service: Service) -> dict[str, Guard | None]:
    views = service.app.view_functions
    return {name: getattr(view, "guard", None) for name, view in views.items() if name not in THIRD_PARTY}


def test_every_route_declares_its_guard(service: Service) -> None:
    declared = guards(service)
    assert [name for name, guard in declared.items() if guard is None] == []
    assert {name for name, guard in declared.items() if guard is Guard.PUBLIC} == PUBLIC
    assert {name for name, guard in declared.items() if guard is Guard.ADMIN} == ADMIN


def test_every_guarded_route_refuses_strangers(service: Service) -> None:
    checked = 0
    for rule in service.app.url_map.iter_rules():
        guard = guards(service).get(rule.endpoint, Guard.PUBLIC)
        if guard is Guard.PUBLIC:
            continue
        words = {name: WORDS.get(name, "anything") for name in rule.arguments}
        path = rule.build(words, append_unknown=False)[1]
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            client = service.app.test_client()
            assert client.open(path, method=method).status_code == 401, path
            if guard is Guard.ADMIN:
                headers = {"Authorization": f"Bearer {service.token('shop', 'cashier')}"}
                answer = client.open(path, method=method, headers=headers)
                assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
            checked += 1
    assert checked == 69


def test_the_openapi_document_is_valid_and_complete(service: Service) -> None:
    document = service.app.test_client().get("/api/openapi.json").json
    validate(document)
    assert document["openapi"] == "3.1.0"
    text = json.dumps(document)
    unused = {name for name in document["components"]["schemas"] if f'schemas/{name}"' not in text}
    assert unused == set()
    operations = {
        (path, method): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method != "parameters"
    }
    assert len(operations) == 77
    for (path, _), operation in operations.items():
        assert operation["summary"], path
        public = "/callback/" in path or path.endswith("/callback") or path.startswith("/c2b/")
        assert public == ("security" not in operation)
        for status, response in operation["responses"].items():
            if status.isdigit() and int(status) >= 400:
                assert response == {"$ref": f"#/components/responses/Error{status}"}, (path, status)
                [content] = document["components"]["responses"][f"Error{status}"]["content"].values()
                assert content["schema"] == {"$ref": "#/components/schemas/Error"}, (path, status)
    initiate = operations["/api/mpesa/initiate", "post"]
    assert {"201", "202", "400", "401", "409", "413", "415", "422", "429", "500", "502", "503"} <= set(
        initiate["responses"]
    )


def test_the_published_patterns_mean_the_same_in_every_language(service: Service) -> None:
    document = service.app.test_client().get("/api/openapi.json").text
    patterns = re.findall(r'"pattern": ?"([^"]*)"', document)
    assert patterns
    assert [pattern for pattern in patterns if not re.fullmatch(r"\^[^\\]*\$", pattern)] == []


def examples(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Yield each example of an OpenAPI document: its path, its schema, and its value."""
    if isinstance(node, list):
        for number, part in enumerate(node):
            yield from examples(part, f"{path}/{number}")
    if not isinstance(node, dict):
        return
    schema = node.get("schema", node)
    if "example" in node:
        yield path, schema, node["example"]
    several = node.get("examples", [])
    for value in several if isinstance(several, list) else [one["value"] for one in several.values()]:
        yield path, schema, value
    for name, part in node.items():
        if name not in {"example", "examples"}:
            yield from examples(part, f"{path}/{name}")


def test_the_examples_follow_their_own_schemas(service: Service) -> None:
    document = service.app.test_client().get("/api/openapi.json").json
    found = list(examples(document))
    assert len({path.rpartition("/")[2] for path, _, _ in found}) > 10
    for path, schema, value in found:
        whole = {**schema, "components": document["components"]}  # to which the schema may refer
        errors = OAS31Validator(whole, format_checker=oas31_format_checker).iter_errors(value)
        assert [error.message for error in errors] == [], path


PAYMENT_FIELDS = {
    "_id",
    "provider",
    "orderId",
    "mpesaCheckoutRequestId",
    "mpesaMerchantRequestId",
    "mpesaReceiptNumber",
    "status",
    "amount",
    "currency",
    "phoneNumber",
    "resultCode",
    "resultDesc",
    "failureReason",
    "refundedAmount",
    "refunds",
    "metadata",
    "createdAt",
    "updatedAt",
    "completedAt",
    "paidAt",
    "paidAtSource",
}


def test_a_payment_has_the_promised_fields(service: Service) -> None:
    answer = service.initiate(amount=70_000)
    assert answer.status_code == 201
    assert answer.json["success"] is True
    assert answer.json["message"] == (
        "STK Push sent successfully. Please check your phone to complete payment."
    )
    data = answer.json["data"]
    assert set(data) == {"checkoutRequestId", "merchantRequestId", "responseCode", "payment"}
    assert data["responseCode"] == "0"
    assert set(data["payment"]) >= PAYMENT_FIELDS
    assert data["payment"]["phoneNumber"] == "254712***678"
    assert (data["payment"]["provider"], data["payment"]["currency"]) == ("mpesa", "kes")
    queried = service.call("GET", f"/query/{data['checkoutRequestId']}")
    assert queried.status_code == 200
    assert queried.json["data"] == data["payment"]
    by_id = service.call("GET", f"/query/{data['payment']['_id']}")
    assert by_id.json["data"] == data["payment"]


def test_metadata_is_returned(service: Service) -> None:
    metadata = {"cart": [1, 2, {"sku": "ABC"}], "note": "asante"}
    body = {"orderId": "5f9f1b9b9b9b9b9b9b9b9b9b", "amount": 1, "phoneNumber": "0712345678"}
    answer = service.call("POST", "/initiate", {**body, "metadata": metadata})
    assert answer.json["data"]["payment"]["metadata"] == metadata
    assert (
        answer.json["data"]["payment"]["accountReference"]
        == service.ledger()["prompts"][0]["accountReference"]
    )


class TestOwnership:
    """Another's payment is answered exactly like one that does not exist."""

    @pytest.mark.parametrize("path", ["/query/{}", "/{}/refund", "/order/{}"])
    def test_another_users_object_looks_like_none(self, service: Service, path: str) -> None:
        checkout = service.pending(order="ORDER1")
        payment = service.row(checkout).id
        mine = "ORDER1" if "order" in path else checkout
        assert service.call("GET", path.format(mine)).status_code == 200
        assert service.call("GET", path.format(mine), by="boss", admin=True).status_code == 200
        answers = []
        for reference in (mine, payment if "order" not in path else "ORDER1", "no-such-thing"):
            answer = service.call("GET", path.format(reference), by="stranger")
            body = dict(answer.json)
            assert body.pop("requestId") == answer.headers["X-Request-Id"]
            answers.append((answer.status_code, body))
        assert answers[0] == answers[1] == answers[2]
        assert answers[0][0] == 404

    def test_only_admins_refund(self, service: Service) -> None:
        checkout = service.paid()
        assert service.call("POST", f"/{checkout}/refund", {}).status_code == 403
        assert service.refunds() == []

    def test_an_order_shows_a_caller_only_their_own_attempts(self, service: Service) -> None:
        checkout = service.pending(order="ORDER1")
        service.simulator.post(f"/simulator/prompts/{checkout}/cancel")
        service.initiate(order="ORDER1", phone="254722000001", by="other")
        mine = service.call("GET", "/order/ORDER1").json["data"]
        assert [attempt["_id"] for attempt in mine["attempts"]] == [service.row(checkout).id]
        everything = service.call("GET", "/order/ORDER1", by="boss", admin=True).json["data"]
        assert len(everything["attempts"]) == 2


def test_health(service: Service) -> None:
    client = service.app.test_client()
    assert client.get("/healthz").json == {"status": "alive"}
    assert client.get("/readyz").json == {"status": "ready"}


def test_not_ready_without_schema(service: Service) -> None:
    from sqlalchemy import text

    with service.runtime.database.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    answer = service.app.test_client().get("/readyz")
    assert (answer.status_code, answer.json["code"]) == (503, "not_ready")
    assert "mpesa migrate" in answer.json["message"]


def test_the_request_id_is_the_callers_if_it_is_decent(service: Service) -> None:
    assert service.initiate(X_Request_Id="my-request-1").headers["X-Request-Id"] == "my-request-1"
    assert service.initiate(X_Request_Id="bad id\t").headers["X-Request-Id"] != "bad id\t"
