"""What a statement shows and the service does not understand: a person sees it, until it is explained."""

from pathlib import Path
from typing import Any

import pytest

from mpesa_service.statements.withdrawing import withdraw_statement
from mpesa_service.verification.payments import verify
from tests.c2b.support import confirm
from tests.review.test_discrepancies import close, found, look
from tests.statements.files import portal_row
from tests.statements.support import BOSS, import_rows, own, running
from tests.statements.test_applying import applied
from tests.support import Service

AT, LATER = "20-11-2026 10:00:00", "20-11-2026 11:00:00"
NEW_WORDS = [
    {"type": "", "details": "Customer Payment to Small Business from 2547****5678 - JANE DOE"},
    {"type": "Instant Deposit", "details": "Instant Deposit from 400200 - EXAMPLE BANK via API"},
]


def rules(service: Service) -> list[str]:
    return [one.invariant for one in verify(service.runtime)]


def half_read(status: str = "Complete", **labels: str) -> list[list[Any]]:
    """Return a file with two lines of income. The status of the second one is not known."""
    known = ("UK1EXAMPL1", AT, {"paid_in": "100.00"})
    return own(running(known, ("UK1EXAMPL2", LATER, {"paid_in": "700.00", "status": status})), **labels)


class TestIncome:
    @pytest.mark.parametrize("words", NEW_WORDS)
    def test_money_in_unknown_words_is_listed_until_it_is_booked(
        self, service: Service, tmp_path: Path, words: dict[str, str]
    ) -> None:
        out = portal_row("UK1EXAMPL9", AT, "", "-50.00", **words)
        rows = own([portal_row("UK1EXAMPL1", AT, "500.00", **words), out])
        record = applied(service, import_rows(service, tmp_path, rows))
        applied(service, record)
        [one] = look(service)
        assert (one["kind"], one["mpesaReceiptNumber"], one["amount"]) == ("income", "UK1EXAMPL1", "500.00")
        assert len(found(service)) == 1
        assert service.payments() == []
        assert close(service, one["_id"], belongsTo="UK1EXAMPL1").json["code"] == "belongs_to_nothing"
        confirm(service, TransID="UK1EXAMPL1", TransAmount="500.00")
        assert (look(service), found(service), rules(service)) == ([], [], [])

    def test_a_fractional_amount_is_known_too(self, service: Service, tmp_path: Path) -> None:
        rows = own([portal_row("UK1EXAMPL1", AT, "500.50", **NEW_WORDS[0])])
        applied(service, import_rows(service, tmp_path, rows))
        assert len(look(service)) == 1
        confirm(service, TransID="UK1EXAMPL1", TransAmount="500.50")
        assert look(service) == []

    def test_a_person_closes_it(self, service: Service, tmp_path: Path) -> None:
        rows = own([portal_row("UK1EXAMPL1", AT, "500.00", **NEW_WORDS[0])])
        record = applied(service, import_rows(service, tmp_path, rows))
        [one] = look(service)
        assert close(service, one["_id"]).status_code == 200
        applied(service, record)
        assert look(service) == []


class TestRowsThatAreNotRead:
    def test_a_statement_with_some_is_named(self, service: Service, tmp_path: Path) -> None:
        record = applied(service, import_rows(service, tmp_path, half_read()))
        [one] = look(service)
        assert (one["kind"], one["statementId"], one["amount"]) == ("unread", record.id, "0.00")
        assert one["row"] == record.unread[0]["row"]
        assert len(found(service)) == 1
        [violation] = verify(service.runtime)
        assert (violation.invariant, violation.subject) == ("statement_rows_are_understood", record.id)
        assert "1 row of s.csv that may be money could not be read" in violation.sentence
        assert close(service, one["_id"]).status_code == 200
        applied(service, record)
        assert (look(service), found(service), rules(service)) == ([], [], [])

    def test_a_readable_file_of_its_time_explains_it(self, service: Service, tmp_path: Path) -> None:
        applied(service, import_rows(service, tmp_path, half_read()))
        others = ({"From": "02-11-2026 00:00:00"}, {"Account:": "Merchant Account"}, {})
        for number, labels in enumerate(others):
            rows = half_read("Completed", **labels)
            record = import_rows(service, tmp_path, rows, f"t{number}.csv")
            assert (record.balanced, len(look(service))) == (True, 1)
            applied(service, record)
        assert (look(service), rules(service)) == ([], [])

    def test_a_withdrawn_one_says_nothing(self, service: Service, tmp_path: Path) -> None:
        record = applied(service, import_rows(service, tmp_path, half_read()))
        withdraw_statement(service.runtime, BOSS, record.id, "of another shop")
        assert (look(service), rules(service)) == ([], [])

    def test_a_remark_is_no_money(self, service: Service, tmp_path: Path) -> None:
        rows = own([*running(("UK1EXAMPL1", AT, {"paid_in": "100.00"})), ["", "", "", "Thank you"]])
        record = applied(service, import_rows(service, tmp_path, rows))
        assert (record.unread_count > 0, look(service), rules(service)) == (True, [], [])
