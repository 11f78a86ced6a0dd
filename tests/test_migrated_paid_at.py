"""Step 0015 dates the payments that C2B has confirmed, and no others."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from mpesa_service.core.database import Database
from mpesa_service.models import C2bConfirmation, Payment
from tests.support.migrations import NOW, alembic, c2b, mpesa, store

DAY = timedelta(days=1)
PAID = {"status": "succeeded", "completed_at": NOW}
CASES: list[tuple[str, dict[str, Any], dict[str, Any], bool]] = [
    ("confirmed", c2b(**PAID), {"transacted_at": NOW - 2 * DAY}, True),
    ("unmatched", c2b(status="review"), {"transacted_at": NOW}, True),
    ("prompted", mpesa(**PAID, receipt="RKL51ZDR4F"), {"transacted_at": NOW}, True),
    ("before its prompt", mpesa(**PAID, receipt="RKL51ZDR4F"), {"transacted_at": NOW - 2 * DAY}, False),
    ("in the future", c2b(**PAID), {"transacted_at": NOW + DAY}, False),
    ("before M-Pesa", c2b(**PAID), {"transacted_at": NOW - 10_000 * DAY}, False),
    ("without a time", c2b(**PAID), {"transacted_at": None}, False),
    ("of another receipt", c2b(**PAID), {"transacted_at": NOW, "receipt": "RKL51ZDR4G"}, False),
    ("failed", mpesa(status="failed", receipt="RKL51ZDR4F"), {"transacted_at": NOW}, False),
]


@pytest.mark.parametrize(
    ("payment", "confirmation", "dated"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_confirmed_payments_get_their_time(
    empty: Database, payment: dict[str, Any], confirmation: dict[str, Any], dated: bool
) -> None:
    alembic(empty, command.upgrade, "0014")
    columns = {"receipt": "RKL51ZDR4F", "shortcode": "174379", "amount_cents": 10_000, "payer_kind": "none"}
    columns |= {"transaction_type": "", "received_at": NOW, "payment_id": payment["id"]}
    store(empty, (Payment, payment), (C2bConfirmation, {**columns, **confirmation}))
    alembic(empty, command.upgrade, "0015")
    with empty.read() as session:
        [found] = session.execute(sa.select(Payment.paid_at, Payment.paid_at_source)).all()
    assert tuple(found) == ((confirmation["transacted_at"], "confirmation") if dated else (None, None))
    alembic(empty, command.downgrade, "0014")
    alembic(empty, command.upgrade, "head")
