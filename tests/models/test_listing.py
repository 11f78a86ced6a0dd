"""Pages are read through indexes: what is touched is what is shown, however many payments there are."""

import itertools
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Select, text

from mpesa_service.core.database import Database
from mpesa_service.models.listing import (
    PaymentFilter,
    page_by_time,
    page_of_payments,
    page_without_time,
    select_payments,
)

PAGE = 20
ROWS = 30_000
STATUSES = ("succeeded", "failed", "canceled", "refunded", "review")
SHOWN = select_payments(("id", "metadata"))
INSERT = """
INSERT INTO payments (id, provider, channel, owner, order_id, amount, currency, status, refunded_amount,
  refunding_amount, refund_count, metadata, event_count, created_at, updated_at, check_attempts,
  phone_encrypted, phone_hash, callback_token_hash, receipt, paid_at)
SELECT {id}, 'mpesa', 'stk', CASE WHEN n % 100 = 0 THEN 'kiosk' ELSE 'shop' END, 'ORDER' || n,
  CASE WHEN n % 7919 = 0 THEN 70000 ELSE 1 + n % 500 END, 'kes',
  CASE WHEN n % 3000 = 7 THEN 'review' WHEN n % 900 = 0 THEN 'refunded' WHEN n % 10 = 3 THEN 'canceled'
       WHEN n % 5 = 1 THEN 'failed' ELSE 'succeeded' END,
  0, 0, 0, '{{}}', 0, {now}, {now}, 0, {phone}, 'phone' || n % 5000, 'token' || n, 'RECEIPT' || n,
  CASE WHEN n % 5 = 2 OR n % 10 = 9 THEN {paid} END
FROM {numbers}
"""


PAID = datetime(2026, 11, 1, tzinfo=UTC)


def key(number: int) -> str:
    return f"{number:024x}"


@pytest.fixture(scope="module")
def filled(request: pytest.FixtureRequest, new_migrated_database: Any) -> Iterator[Database]:
    """A PostgreSQL with many payments, which knows how many of each kind there are."""
    database = Database(new_migrated_database("listing"))
    parts = {
        "id": "lpad(to_hex(n), 24, '0')",
        "now": "now()",
        "paid": f"'{PAID}'::timestamptz + n * interval '1 minute'",
        "phone": r"'\x00'::bytea",
        "numbers": f"generate_series(0, {ROWS - 1}) AS n",
    }
    with database.begin() as session:
        session.execute(text(INSERT.format(**parts)))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE payments"))
    yield database
    database.dispose()


@pytest.fixture
def file(sqlite_url: str) -> Iterator[Database]:
    """A SQLite file, which knows nothing."""
    database = Database(sqlite_url)
    yield database
    database.dispose()


FILTERS = {
    "all": {},
    "owner": {"owner": "kiosk"},
    "status": {"statuses": ("succeeded",)},
    "rare status": {"statuses": ("review",)},
    "no such status": {"statuses": ("unknown",)},
    "statuses": {"statuses": ("review", "unknown", "failed")},
    "owner and status": {"owner": "kiosk", "statuses": ("refunded",)},
    "owner and statuses": {"owner": "kiosk", "statuses": ("review", "failed")},
    "stranger": {"owner": "nobody"},
    "stranger and status": {"owner": "nobody", "statuses": ("succeeded",)},
    "order": {"order_id": "ORDER77", "owner": "shop", "statuses": ("succeeded", "failed")},
    "receipt": {"receipt": "RECEIPT77", "owner": "shop", "statuses": ("failed", "succeeded")},
    "receipt of a provider": {"receipt": "RECEIPT77", "provider": "mpesa"},
    "phone": {"phone_hash": "phone77", "owner": "shop", "statuses": ("succeeded",)},
    "provider": {"provider": "mpesa"},
}
BETWEEN = {
    "ever": {},
    "lately": {"first_id": key(ROWS - 50)},
    "long ago": {"end_id": key(50)},
    "nearly ever": {"first_id": key(10), "end_id": key(ROWS - 10)},
}
POSTGRES_ONLY = {
    "rare amount": {"min_amount": 70_000},
    "amounts": {"min_amount": 60_000, "max_amount": 80_000, "owner": "shop"},
    "rare provider": {"provider": "stripe"},
}


def cases(filters: dict[str, Any]) -> list[Any]:
    both = itertools.product(filters.items(), BETWEEN.items())
    return [pytest.param({**what, **when}, id=f"{name}, {then}") for (name, what), (then, when) in both]


def plan(database: Database, wanted: PaymentFilter) -> list[Any]:
    return plan_of(database, page_of_payments(wanted, PAGE, SHOWN))


def plan_of(database: Database, page: Select[Any]) -> list[Any]:
    compiled = page.compile(
        database.engine, compile_kwargs={"literal_binds": True, "render_postcompile": True}
    )
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON)"
    with database.read() as session:
        return list(session.connection().exec_driver_sql(f"{explain} {compiled}"))


def touched(node: dict[str, Any]) -> int:
    """Return how many rows a plan and what is below it read from the table."""
    kinds = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
    here = 0
    if "Relation Name" in node:
        here = (node["Actual Rows"] + sum(node.get(kind, 0) for kind in kinds)) * node["Actual Loops"]
    return int(here) + sum(touched(below) for below in node.get("Plans", ()))


@pytest.mark.parametrize("wanted", cases(FILTERS | POSTGRES_ONLY))
def test_postgres_reads_little_more_than_it_shows(filled: Database, wanted: dict[str, Any]) -> None:
    [[[found]]] = plan(filled, PaymentFilter(**wanted))
    statuses = max(1, len(wanted.get("statuses", ())))
    # As many rows for each status, twice where ids come first, and some for the planner's liberty.
    assert touched(found["Plan"]) <= 2 * PAGE * statuses + 300, found


FEW = {"order_id": "order_id=?", "receipt": "provider=? AND receipt=?", "phone_hash": "phone_hash=?"}


@pytest.mark.parametrize("wanted", cases(FILTERS))
def test_sqlite_never_walks_through_the_table(file: Database, wanted: dict[str, Any]) -> None:
    steps = [row[-1] for row in plan(file, PaymentFilter(**wanted))]
    reads = [step for step in steps if re.match(r"(SCAN|SEARCH) payments", step)]
    assert reads
    assert all("USING INDEX" in read or "USING COVERING INDEX" in read for read in reads)
    named = [condition for name, condition in FEW.items() if name in wanted]
    assert all(condition in read for condition in named for read in reads)
    if not named and len(wanted.get("statuses", ())) < 2:
        assert not [step for step in steps if "TEMP B-TREE" in step], steps


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ({"owner": "shop"}, "ix_payments_owner (owner=?)"),
        ({"owner": "shop", "provider": "mpesa", "min_amount": 5}, "ix_payments_owner (owner=?)"),
        ({"statuses": ("failed",)}, "ix_payments_status (status=?)"),
        ({"owner": "shop", "statuses": ("failed",)}, "ix_payments_owner_status (owner=? AND status=?)"),
        ({"phone_hash": "p", "owner": "shop", "statuses": ("failed",)}, "ix_payments_phone (phone_hash=?)"),
        ({"order_id": "o", "owner": "shop", "first_id": "0"}, "ix_payments_order (order_id=?)"),
    ],
    ids=str,
)
def test_sqlites_choice(file: Database, wanted: dict[str, Any], index: str) -> None:
    steps = [row[-1] for row in plan(file, PaymentFilter(**wanted))]
    assert f"SEARCH payments USING INDEX {index}" in steps


def test_each_status_is_read_by_its_index(file: Database) -> None:
    steps = [row[-1] for row in plan(file, PaymentFilter(statuses=STATUSES))]
    by_status = [step for step in steps if "ix_payments_status (status=?)" in step]
    assert len(by_status) == len(STATUSES)


TIMES: dict[str, dict[str, Any]] = {
    "all": {},
    "owner": {"owner": "shop"},
    "owner and status": {"owner": "shop", "statuses": ("succeeded",)},
    "owner and statuses": {"owner": "shop", "statuses": ("succeeded", "failed")},
    "a day": {"paid_from": PAID + timedelta(days=3), "paid_to": PAID + timedelta(days=4)},
    "a day of an owner": {
        "owner": "shop",
        "paid_from": PAID + timedelta(days=3),
        "paid_to": PAID + timedelta(days=4),
    },
    "stranger": {"owner": "nobody"},
}
MIDDLE = (PAID + timedelta(minutes=ROWS // 2), key(ROWS // 2))


@pytest.mark.parametrize("before", [None, MIDDLE], ids=["first page", "later page"])
@pytest.mark.parametrize("wanted", TIMES.values(), ids=TIMES)
def test_postgres_reads_little_by_time(filled: Database, wanted: dict[str, Any], before: Any) -> None:
    [[[found]]] = plan_of(filled, page_by_time(PaymentFilter(**wanted), PAGE, SHOWN, before))
    assert touched(found["Plan"]) <= 2 * PAGE + 300, found
    if "paid_from" not in wanted:
        last = before and before[1]
        page = page_without_time(PaymentFilter(**wanted), PAGE, SHOWN, last)
        [[[found]]] = plan_of(filled, page)
        assert touched(found["Plan"]) <= 2 * PAGE + 1_000, found


@pytest.mark.parametrize("before", [None, MIDDLE], ids=["first page", "later page"])
@pytest.mark.parametrize("wanted", TIMES.values(), ids=TIMES)
def test_sqlite_reads_by_time_in_the_order_of_an_index(
    file: Database, wanted: dict[str, Any], before: Any
) -> None:
    last = before and before[1]
    pages = [page_by_time(PaymentFilter(**wanted), PAGE, SHOWN, before)]
    if "paid_from" not in wanted:
        pages.append(page_without_time(PaymentFilter(**wanted), PAGE, SHOWN, last))
    name = "ix_payments_owner_paid_at" if "owner" in wanted else "ix_payments_paid_at"
    for page in pages:
        steps = [row[-1] for row in plan_of(file, page)]
        assert len(steps) == 1, steps
        assert f"USING INDEX {name} (" in steps[0], steps


@pytest.mark.parametrize("name", ["order", "receipt", "phone"])
@pytest.mark.parametrize("when", [{}, {"paid_from": PAID}], ids=["ever", "since"])
def test_sqlite_finds_few_before_it_orders_them_by_time(
    file: Database, name: str, when: dict[str, Any]
) -> None:
    wanted = PaymentFilter(**FILTERS[name], **when)
    pages = (page_by_time(wanted, PAGE, SHOWN, None), page_without_time(wanted, PAGE, SHOWN, None))
    [condition] = [text for column, text in FEW.items() if getattr(wanted, column) is not None]
    for page in pages:
        steps = [row[-1] for row in plan_of(file, page)]
        assert condition in steps[0], steps
