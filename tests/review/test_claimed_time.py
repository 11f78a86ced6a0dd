"""The time of a claim, when an operator settles the payment with the receipt of that claim."""

from datetime import UTC, datetime

import pytest

from tests.support import Service
from tests.verification.support import change


@pytest.mark.parametrize(
    ("receipt", "dated"), [("nlj7rt61sv", True), ("NLJ7RT61SW", False)], ids=["the same", "another"]
)
def test_it_is_the_time_of_the_same_receipt_only(service: Service, receipt: str, dated: bool) -> None:
    checkout = service.pending()
    claim = "claimed_receipt = 'NLJ7RT61SV', claimed_paid_at = '2026-11-22 08:58:00+00:00'"
    if service.runtime.database.is_sqlite:
        claim = claim.replace("+00:00", ".000000")
    change(service, f"UPDATE payments SET status = 'review', {claim}")
    body = {"action": "settle", "reason": "seen in the portal", "receipt": receipt}
    answer = service.call("POST", f"/{checkout}/resolve", body, by="boss", admin=True)
    assert answer.status_code == 200, answer.json
    row = service.row(checkout)
    expected = (datetime(2026, 11, 22, 8, 58, tzinfo=UTC), "callback") if dated else (None, None)
    assert (row.paid_at, row.paid_at_source) == expected
