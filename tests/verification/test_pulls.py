"""The invariants of pulls: what a pull may have missed, and what makes that time known."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mpesa_service.models import Pull, Statement
from mpesa_service.verification.common import Tally
from mpesa_service.verification.payments import verify
from mpesa_service.verification.pulls import covers
from tests.support import Service

NOON = datetime(2026, 11, 22, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
COUNTS = dict.fromkeys(("pages", "rows_seen", "booked", "known", "disputed", "unreadable"), 0)


def pulled(service: Service, begin: float, end: float, **changes: Any) -> None:
    """Store a pull of a window, in hours from noon."""
    values = {
        **COUNTS,
        "shortcode": "174379",
        "window_from": NOON + begin * HOUR,
        "window_to": NOON + end * HOUR,
        "status": "complete",
        "requested_by": "service",
        "started_at": NOON,
        **changes,
    }
    with service.runtime.database.begin() as session:
        session.add(Pull(**values))


def proven(service: Service, begin: float, end: float, **changes: Any) -> None:
    """Store an applied statement of a period, in hours from noon."""
    values = {
        "id": f"statement{begin}",
        "sha256": f"{begin}",
        "name": "s.csv",
        "shape": "A",
        "container": "csv",
        "shortcode": "174379",
        "account": "Utility Account",
        "period_from": NOON + begin * HOUR,
        "period_to": NOON + end * HOUR,
        "status": "applied",
        "balanced": True,
        "created_by": "boss",
        "created_at": NOON + 24 * HOUR,
        "accounts": [{"account": "Utility Account"}],
        **changes,
    }
    with service.runtime.database.begin() as session:
        session.add(Statement(**values))


def found(service: Service) -> list[tuple[str, str]]:
    return [(one.invariant, one.sentence) for one in verify(service.runtime)]


def test_complete_pulls_leave_nothing_open(service: Service) -> None:
    pulled(service, 0, 1)
    tally = Tally()
    assert list(verify(service.runtime, tally)) == []
    assert tally.counts["pulls"] == 1


UNCERTAIN = {
    "nothing was pulled from 2026-11-22": {"gap_from": NOON - HOUR},
    "M-Pesa reported nothing, although money arrived, from 2026-11-22": {"status": "suspect"},
    "2 rows could not be read from 2026-11-22": {"unreadable": 2},
}


@pytest.mark.parametrize("words", UNCERTAIN)
def test_a_time_that_a_pull_may_have_missed(service: Service, words: str) -> None:
    pulled(service, 0, 1, **UNCERTAIN[words])
    [(rule, sentence)] = found(service)
    assert rule == "pulled_time_is_known"
    assert sentence.startswith(words)
    assert sentence.endswith("and no applied statement proves this time")
    proven(service, -2, 2)
    assert found(service) == []


def test_another_pull_makes_a_suspect_time_known(service: Service) -> None:
    pulled(service, 0, 1, status="suspect")
    pulled(service, -1, 0.5)
    assert len(found(service)) == 1
    pulled(service, 0.5, 2)
    assert found(service) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "read"},
        {"balanced": False},
        {"shortcode": "600000"},
        {"account": "Working Account", "accounts": [{"account": "Working Account"}]},
        {"period_to": NOON + HOUR / 2},
        {"period_from": None, "period_to": None},
    ],
    ids=lambda changes: " ".join(changes),
)
def test_a_statement_that_proves_nothing_of_it(service: Service, changes: dict[str, Any]) -> None:
    pulled(service, 0, 1, status="suspect")
    proven(service, -2, 2, **changes)
    assert len(found(service)) == 1


def test_a_statement_without_a_period_proves_the_time_of_its_lines(service: Service) -> None:
    pulled(service, 0, 1, status="suspect")
    times = {"first_at": NOON - HOUR, "last_at": NOON + 2 * HOUR}
    proven(service, -2, 2, period_from=None, period_to=None, account="", accounts=[], **times)
    assert found(service) == []


def test_intervals_that_follow_each_other_by_a_second() -> None:
    parts = [(NOON + HOUR, NOON + 2 * HOUR), (NOON, NOON + HOUR - timedelta(seconds=1))]
    assert covers(parts, (NOON, NOON + 2 * HOUR))
    assert not covers(parts, (NOON, NOON + 3 * HOUR))
    assert not covers([], (NOON, NOON + HOUR))
    assert not covers([(NOON, NOON + HOUR), (NOON + 2 * HOUR, NOON + 3 * HOUR)], (NOON, NOON + 3 * HOUR))
