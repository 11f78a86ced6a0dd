"""Exports: whole or visibly cut, in constant memory, and never more of them than callbacks can bear."""

import csv
import io
import json
import logging
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from mpesa_service.payments import listing
from mpesa_service.payments.json_rows import EXPORTED
from mpesa_service.web.exports import EXPORTS_AT_ONCE, slots
from tests.support import Service
from tests.support.many import add_payments, phone_of


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "BATCH", 4)


@pytest.fixture(autouse=True)
def every_slot_is_released() -> Iterator[None]:
    yield
    taken = [slots.acquire(blocking=False) for _ in range(EXPORTS_AT_ONCE)]
    for slot in taken:
        if slot:
            slots.release()
    assert taken == [True] * EXPORTS_AT_ONCE


def export(
    service: Service, query: str = "", *, by: str = "shop", admin: bool = False, buffered: bool = True
) -> Any:
    """Request a file; `buffered` reads it to its end and closes it, as a server does."""
    headers = {"Authorization": f"Bearer {service.token(by, *(['admin'] if admin else []))}"}
    path = f"/api/mpesa/payments/export{query}"
    return service.app.test_client().get(path, headers=headers, buffered=buffered)


def rows(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.json
    body = answer.get_data(as_text=True)
    if answer.mimetype == "text/csv":
        return list(csv.DictReader(io.StringIO(body, newline="")))
    return [json.loads(line) for line in body.splitlines()]


def listed(service: Service, query: str = "", **more: Any) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = service.call("GET", f"/payments?limit=100{query}", **more).json["data"]
    for payment in data:
        del payment["mpesaCheckoutRequestId"]
    return data


def selects(service: Service, listen: Any) -> list[str]:
    """Return a list that every statement about payments is added to from now on."""
    seen: list[str] = []

    def note(_c: Any, _cur: Any, statement: str, *_: Any) -> None:
        if "payments" in statement:
            seen.append(statement)

    listen(service.runtime.database.engine, "before_cursor_execute", note)
    return seen


class TestFiles:
    def test_jsonl_holds_what_the_list_shows(self, service: Service) -> None:
        add_payments(service.runtime, 11)
        answer = export(service, "?format=jsonl")
        assert answer.mimetype == "application/x-ndjson"
        assert rows(answer) == listed(service)

    @pytest.mark.parametrize(
        "at",
        [
            datetime(2026, 11, 1, 20, 59, 59, 999_999, tzinfo=UTC),
            datetime(2026, 12, 31, 21, 0, tzinfo=UTC),
            datetime(2028, 2, 28, 23, 0, 0, 1_000, tzinfo=UTC),
            datetime(2026, 11, 1, 6, 0, 0, 999, tzinfo=UTC),
        ],
    )
    def test_times_and_metadata_are_the_lists(self, service: Service, at: datetime) -> None:
        odd = {"note": "asante é", "cart": [1, {"sku": "A"}], "at": None}
        times = {"created_at": at, "updated_at": at + timedelta(days=1), "completed_at": None}
        add_payments(service.runtime, 1, lambda _: {**times, "metadata": odd})
        [line] = rows(export(service, "?format=jsonl"))
        assert [line] == listed(service)
        [cells] = rows(export(service))
        assert cells["metadata"] == json.dumps(odd, ensure_ascii=False)
        assert [cells[name] for name in ("createdAt", "updatedAt", "completedAt")] == [
            line["createdAt"],
            line["updatedAt"],
            "",
        ]

    def test_times_that_were_written_by_hand(self, service: Service) -> None:
        add_payments(service.runtime, 1)
        with service.runtime.database.begin() as session:
            session.execute(text("UPDATE payments SET updated_at = '2026-11-22 21:00:00'"))
        [line] = rows(export(service, "?format=jsonl"))
        assert line == listed(service)[0]
        assert line["updatedAt"] == "2026-11-23T00:00:00.000+03:00"

    def test_csv_holds_the_same_and_is_the_default(self, service: Service) -> None:
        add_payments(service.runtime, 11, lambda n: {"order_id": "-1" if n == 3 else f"ORDER{n}"})
        answer = export(service)
        assert answer.mimetype == "text/csv"
        assert answer.headers["Content-Disposition"] == (
            'attachment; filename="payments-20261122T120000.csv"'
        )
        found = rows(answer)
        wanted = listed(service)
        assert list(found[0]) == list(EXPORTED)
        assert [row["_id"] for row in found] == [row["_id"] for row in wanted]
        assert [row["createdAt"] for row in found] == [row["createdAt"] for row in wanted]
        assert [int(row["amount"]) for row in found] == [row["amount"] for row in wanted]
        assert [json.loads(row["metadata"]) for row in found] == [row["metadata"] for row in wanted]
        assert found[-4]["orderId"] == "'-1"

    def test_filters_and_owners(self, service: Service) -> None:
        states = ("failed", "succeeded", "review")
        change = lambda n: {"owner": "shop" if n % 2 else "kiosk", "status": states[n % 3]}  # noqa: E731
        add_payments(service.runtime, 12, change)
        for query in ("", "&status=failed,review", "&phoneNumber=" + phone_of(3), "&minAmount=106"):
            for who in ({}, {"by": "kiosk"}, {"by": "boss", "admin": True}, {"by": "stranger"}):
                assert rows(export(service, f"?format=jsonl{query}", **who)) == listed(service, query, **who)

    @pytest.mark.parametrize("kind", ["csv", "jsonl"])
    def test_no_phone_number_is_in_it(self, service: Service, kind: str) -> None:
        add_payments(service.runtime, 9)
        body = export(service, f"?format={kind}").get_data(as_text=True)
        assert "254700***003" in body
        assert not [n for n in range(9) if phone_of(n)[3:] in body]

    def test_nothing(self, service: Service) -> None:
        assert export(service, "?format=jsonl").get_data() == b""
        assert export(service).get_data(as_text=True) == ",".join(EXPORTED) + "\r\n"

    @pytest.mark.parametrize(
        "query", ["format=xls", "format=", "bom=2", "limit=5", "after=x", "owner=x", "to=x"]
    )
    def test_bad_input(self, service: Service, query: str) -> None:
        answer = export(service, f"?{query}")
        assert answer.status_code == 400
        assert set(answer.json["details"]["fields"]) == {query.split("=")[0]}


class TestStreaming:
    def test_the_first_lines_come_before_the_last_are_read(self, service: Service, listen: Any) -> None:
        add_payments(service.runtime, 40)
        seen = selects(service, listen)
        answer = export(service, buffered=False)
        parts = answer.iter_encoded()
        assert next(parts).startswith(b"_id,")
        assert next(parts).count(b"\r\n") == 4
        assert len(seen) == 1
        answer.close()

    def test_a_reader_who_leaves_stops_the_work(
        self, service: Service, caplog: pytest.LogCaptureFixture, listen: Any
    ) -> None:
        add_payments(service.runtime, 40)
        seen = selects(service, listen)
        caplog.set_level(logging.INFO)
        answer = export(service, buffered=False)
        parts = answer.iter_encoded()
        for _ in range(3):
            next(parts)
        answer.close()
        del parts, answer
        assert len(seen) == 2
        [line] = [record for record in caplog.records if record.message == "export"]
        assert (line.actor, line.rows, line.whole) == ("shop", 4, False)  # type: ignore[attr-defined]

    def test_who_took_how_many_is_logged(self, service: Service, caplog: pytest.LogCaptureFixture) -> None:
        add_payments(service.runtime, 9)
        caplog.set_level(logging.INFO)
        assert len(rows(export(service, by="boss", admin=True))) == 9
        [line] = [record for record in caplog.records if record.message == "export"]
        assert (line.actor, line.rows, line.whole) == ("boss", 9, True)  # type: ignore[attr-defined]

    def test_a_file_is_never_in_memory_as_a_whole(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(listing, "BATCH", 50)
        heavy = {"phone": phone_of(1), "metadata": {"note": "x" * 4_000}}
        add_payments(service.runtime, 2_000, lambda _: dict(heavy))
        answer = export(service, buffered=False)
        tracemalloc.start()
        written = sum(len(part) for part in answer.iter_encoded())
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        answer.close()
        assert written > 8_000_000
        assert most < written / 4


class TestTrouble:
    @pytest.fixture
    def broken(self, service: Service) -> Iterator[Any]:
        """A switch that takes the table away, and puts it back at the end."""
        renamed = []

        def rename(old: str, new: str) -> None:
            with service.runtime.database.begin() as session:
                session.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))

        def take() -> None:
            rename("payments", "gone")
            renamed.append(True)

        yield take
        if renamed:
            rename("gone", "payments")

    def test_before_the_first_line_it_is_an_answer(self, service: Service, broken: Any) -> None:
        broken()
        for _ in range(EXPORTS_AT_ONCE + 1):
            answer = export(service)
            assert answer.status_code in {500, 503}
            assert answer.json["code"] in {"internal_error", "unavailable"}

    def test_later_the_file_does_not_end_as_if_it_were_whole(
        self, service: Service, broken: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        add_payments(service.runtime, 40)
        caplog.set_level(logging.INFO)
        answer = export(service, buffered=False)
        parts = answer.iter_encoded()
        next(parts)
        next(parts)
        broken()
        with pytest.raises(Exception, match="payments"):
            next(parts)
        answer.close()
        [line] = [record for record in caplog.records if record.message == "export"]
        assert (line.rows, line.whole) == (4, False)  # type: ignore[attr-defined]


class TestSlots:
    def test_so_many_at_once_and_no_more(self, service: Service) -> None:
        add_payments(service.runtime, 9)
        open_ones = [export(service, buffered=False) for _ in range(EXPORTS_AT_ONCE)]
        refused = export(service)
        assert (refused.status_code, refused.json["code"]) == (503, "exports_busy")
        assert refused.headers["Retry-After"] == "30"
        assert service.call("GET", "/payments").status_code == 200
        open_ones.pop().close()
        assert len(rows(export(service))) == 9
        for answer in open_ones:
            answer.close()

    def test_one_that_nobody_reads_gives_its_slot_back(self, service: Service) -> None:
        add_payments(service.runtime, 9)
        client, headers = service.app.test_client(), {"Authorization": f"Bearer {service.token()}"}
        for _ in range(EXPORTS_AT_ONCE + 1):
            export(service, buffered=False).close()
            answer = client.head("/api/mpesa/payments/export", headers=headers, buffered=True)
            assert answer.status_code == 200
            assert export(service, "?from=2026-11-02&to=2026-11-01").status_code == 400
