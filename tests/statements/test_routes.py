"""Statements in the API: upload, list, read, apply."""

import io
from pathlib import Path
from typing import Any

import pytest

from mpesa_service.statements.applying import apply_due
from tests.statements.files import NEW_COLUMNS, as_csv, as_xls, as_xlsx, example, portal_row
from tests.statements.support import line_count, own
from tests.support import Service


def upload(service: Service, content: bytes, name: str = "november.csv", **fields: Any) -> Any:
    headers = {"Authorization": f"Bearer {service.token('boss', 'admin')}"}
    data = {"file": (io.BytesIO(content), name), **fields}
    return service.app.test_client().post("/api/mpesa/statements", data=data, headers=headers)


def call(service: Service, method: str, path: str, body: Any = None) -> Any:
    return service.call(method, f"/statements{path}", body, by="boss", admin=True)


@pytest.mark.parametrize("write", [as_csv, as_xls, as_xlsx])
def test_an_upload_is_read_and_compared(service: Service, tmp_path: Path, write: Any) -> None:
    content = write(tmp_path / "s", example()).read_bytes()
    answer = upload(service, content, "../../folder/my statement.csv")
    data = answer.json["data"]
    assert (answer.status_code, answer.json["message"], data["name"]) == (
        200,
        "Statement read",
        "my statement.csv",
    )
    assert (data["lineCount"], data["balanced"], data["createdBy"]) == (4, True, "boss")
    assert data["report"]["outcomes"]["missing"]["lines"] == 2
    assert upload(service, content).json["data"]["_id"] == data["_id"]
    assert call(service, "GET", f"/{data['_id']}").json["data"] == upload(service, content).json["data"] | {
        "report": call(service, "GET", f"/{data['_id']}").json["data"]["report"]
    }
    [listed] = call(service, "GET", "").json["data"]
    assert (listed["_id"], "report" in listed) == (data["_id"], False)
    assert call(service, "GET", f"?after={data['_id']}").json["data"] == []


def test_the_caller_states_the_order_of_the_dates(service: Service, tmp_path: Path) -> None:
    rows = own([portal_row("UK1EXAMPL1", "11/5/2026 10:00", "5.00")], From="", To="")
    content = as_csv(tmp_path / "s", rows).read_bytes()
    assert upload(service, content).json["code"] == "invalid_statement"
    data = upload(service, content, dates="mdy").json["data"]
    assert (data["dateOrder"], data["dateOrderReason"]) == ("mdy", "stated")
    assert data["firstLineAt"] == "2026-11-05T10:00:00.000+03:00"
    refused = upload(service, content, dates="ymd")
    assert (refused.status_code, list(refused.json["details"]["fields"])) == (400, ["dates"])


def test_a_job_applies_it(service: Service, tmp_path: Path) -> None:
    content = as_csv(tmp_path / "s", own([portal_row(paid_in="100.00")])).read_bytes()
    made = upload(service, content).json["data"]
    answer = call(service, "POST", f"/{made['_id']}/apply")
    assert (answer.status_code, answer.json["data"]["status"]) == (202, "applying")
    assert apply_due(service.runtime) == 1
    data = call(service, "GET", f"/{made['_id']}").json["data"]
    assert (data["status"], data["appliedBy"], data["progress"]["unmatched"]) == ("applied", "boss", 1)


def test_a_broken_balance_needs_a_reason(service: Service, tmp_path: Path) -> None:
    rows = own([portal_row(f"UK1EXAMPL{n}", paid_in="100.00", balance=f"{n}.00") for n in (1, 2)])
    made = upload(service, as_csv(tmp_path / "s", rows).read_bytes()).json["data"]
    answer = call(service, "POST", f"/{made['_id']}/apply")
    assert (answer.status_code, answer.json["code"]) == (409, "balance_broken")
    body = {"acceptBrokenBalance": "the portal is down"}
    assert (
        call(service, "POST", f"/{made['_id']}/apply", body).json["data"]["brokenBalanceReason"]
        == "the portal is down"
    )
    assert call(service, "POST", f"/{made['_id']}/apply", {"acceptBrokenBalance": ""}).status_code == 400


@pytest.mark.parametrize(
    ("content", "fields", "code"),
    [
        (b"%PDF-1.4", {}, "invalid_statement"),
        (",".join(NEW_COLUMNS).encode(), {}, "shortcode_needed"),
        (",".join(NEW_COLUMNS).encode(), {"shortcode": "1"}, "invalid_request"),
        (",".join(NEW_COLUMNS).encode(), {"shortcode": "174379", "from": "soon"}, "invalid_request"),
        (",".join(NEW_COLUMNS).encode(), {"shortcode": "174379", "other": "x"}, "invalid_request"),
    ],
)
def test_what_is_wrong_with_an_upload(service: Service, content: bytes, fields: Any, code: str) -> None:
    answer = upload(service, content, **fields)
    assert (answer.status_code, answer.json["code"]) == (400, code), answer.json
    assert line_count(service) == 0


def test_the_file_is_a_part_of_a_form(service: Service) -> None:
    assert call(service, "POST", "", {"file": "x"}).json["code"] == "file_needed"
    headers = {"Authorization": f"Bearer {service.token('boss', 'admin')}"}
    for data in ({}, {"file": [(io.BytesIO(b"x"), "a"), (io.BytesIO(b"y"), "b")]}):
        answer = service.app.test_client().post(
            "/api/mpesa/statements", data=data, headers=headers, content_type="multipart/form-data"
        )
        assert answer.json["code"] == "file_needed"


def test_only_this_route_takes_large_bodies(service: Service) -> None:
    large = b"Receipt No,Completion Time\n" + b"x" * 200_000
    assert upload(service, large).json["code"] == "invalid_statement"
    headers = {"Authorization": f"Bearer {service.token('boss', 'admin')}"}
    size = {"CONTENT_LENGTH": str(65 * 1024**2)}
    client = service.app.test_client()
    answer = client.post("/api/mpesa/statements", headers=headers, data=b"x", environ_overrides=size)
    assert answer.status_code == 413


def test_a_body_in_chunks_is_refused_unread(service: Service) -> None:
    headers = {"Authorization": f"Bearer {service.token('boss', 'admin')}"}
    answer = service.app.test_client().post(
        "/api/mpesa/statements",
        headers={**headers, "Transfer-Encoding": "chunked"},
        input_stream=io.BytesIO(b"x"),
        content_type="multipart/form-data; boundary=x",
    )
    assert (answer.status_code, answer.json["code"]) == (411, "length_required")


def test_only_admins(service: Service) -> None:
    for method, path in (
        ("GET", ""),
        ("POST", ""),
        ("GET", "/coverage"),
        ("GET", "/x"),
        ("POST", "/x/apply"),
    ):
        assert service.call(method, f"/statements{path}").status_code == 403


def test_an_unknown_statement(service: Service) -> None:
    assert call(service, "GET", "/nothing").status_code == 404
    assert call(service, "POST", "/nothing/apply").status_code == 404
