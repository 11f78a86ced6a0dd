"""Confirmations are lost, have odd bytes, or meet a service that is down: a second source finds all money.

First one pull, then, with pulls off and other customers, one statement. M-Pesa's own ledger is the judge.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import func, select

from mpesa_service.c2b.pull import pull
from mpesa_service.c2b.pull_registration import register_pull
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.principal import ADMIN, Principal
from mpesa_service.models import C2bConfirmation, Payment
from mpesa_service.statements.applying import apply_statement, request_apply
from mpesa_service.statements.importing import read_statement
from tests.battery.c2b_traffic import Sale, Shop, debits_of, sales
from tests.battery.judge import faults, unknown_receipts
from tests.battery.processes import wait_for
from tests.battery.sizes import figures, sized
from tests.battery.stack import Stack

SALES = sized(30, 1_700)
"""For each source. A fifth of them has two payments, so these are 2,000 payments."""
DOWN = sized(1.0, 60.0)
"""Seconds, at least, for which the service is down."""
STATEMENT = sized("shape=A&format=csv", "shape=A&format=xlsx")
FAULTS = {
    "c2b.confirmation_lost": 0.2,
    "c2b.odd_bytes": 0.05,
    "stk_push.callback_lost": 0.4,
    "stk_push.confirmation_lost": 0.5,
    "stk_push.odd_bytes": 0.05,
}
OPERATOR = Principal("operator:amina", frozenset({ADMIN}))


def open_for_business(stack: Stack, shop: Shop, found: list[Sale]) -> None:
    """Let all customers pay. The service is down for the middle third of them."""
    shop.expect(found)
    shop.prompt(found)
    third = len(found) // 3
    shop.pay(found[:third])
    stack.web.kill()
    shop.pay(found[third : 2 * third], seconds=DOWN)
    stack.web.start()
    wait_for(lambda: ready(stack), "the service")
    shop.pay(found[2 * third :])


def ready(stack: Stack) -> bool:
    try:
        return requests.get(f"{stack.url}/readyz", timeout=2).status_code == 200
    except requests.RequestException:
        return False


def settle(stack: Stack) -> None:
    """Let everything end, also the attempts to match money again."""
    stack.settle()
    for _ in range(20):
        stack.advance(60)
        wait_for(lambda: not count(stack, C2bConfirmation.retry_at <= stack.clock()), "the matching", 300)
        if not count(stack, C2bConfirmation.retry_at.is_not(None)):
            return
    raise AssertionError("some money waits to be matched without end")


def count(stack: Stack, *conditions: Any) -> int:
    with stack.runtime.database.read() as session:
        return session.scalar(select(func.count()).select_from(C2bConfirmation).where(*conditions)) or 0


def one_pull(stack: Stack) -> dict[str, Any]:
    """Pull once, as `mpesa pull run` does."""
    runtime: Runtime = replace(
        stack.runtime,
        settings=replace(stack.runtime.settings, mpesa_pull=True, mpesa_pull_phone="254711000001"),
    )
    register_pull(runtime, OPERATOR.subject)
    [record] = pull(runtime, OPERATOR.subject)
    assert (record.status, record.disputed, record.unreadable) == ("complete", 0, 0), record
    return {"rows": record.rows_seen, "booked": record.booked, "known": record.known}


def one_statement(stack: Stack, path: Path) -> dict[str, Any]:
    """Download the portal's statement, and do what `mpesa statements import --apply` does."""
    answer = requests.get(f"{stack.simulator_url}/simulator/statement?{STATEMENT}", timeout=300)
    answer.raise_for_status()
    path.write_bytes(answer.content)
    record = read_statement(stack.runtime, OPERATOR, path, path.name)
    assert (record.balanced, record.unread_count) == (True, 0), record.findings
    request_apply(stack.runtime, OPERATOR, record.id)
    record = apply_statement(stack.runtime, record.id)
    return {"rows": record.line_count, **record.progress}


def evidence(stack: Stack) -> dict[str, int]:
    statement = select(Payment.evidence, func.count()).group_by(Payment.evidence)
    with stack.runtime.database.read() as session:
        return {str(name): number for name, number in session.execute(statement)}


@pytest.mark.timeout(sized(240, 1_800))
def test_a_second_source_finds_all_money(new_stack: Any, tmp_path: Path) -> None:
    options = {"pay_after": 0.5, "charges": "business", "stk_confirmation": True}
    stack: Stack = new_stack(simulator=options)
    shop = Shop(stack)
    shop.register()
    stack.control("/options", {"faults": FAULTS})
    path = tmp_path / f"statement.{STATEMENT.rpartition('=')[2]}"
    sources: dict[str, Callable[[], dict[str, Any]]] = {
        "pull": lambda: one_pull(stack),
        "statement": lambda: one_statement(stack, path),
    }
    everything: list[Sale] = []
    for name, use in sources.items():
        found = sales(name[:4].upper(), SALES)
        everything += found
        open_for_business(stack, shop, found)
        settle(stack)
        debits = debits_of(stack)
        lost = unknown_receipts(stack, debits)
        assert lost, "no confirmation was lost, so nothing is tested"
        result = use()
        settle(stack)
        wrong, (violations, tally) = faults(stack, debits, everything), stack.audit()
        before = evidence(stack), stack.statuses()
        again = use()
        figures(
            f"second source: {name}",
            payments=len(debits),
            unknown_before=len(lost),
            unknown_after=len(unknown_receipts(stack, debits)),
            kinds=Counter(one.kind for one in found),
            result=result,
            evidence=before[0],
            statuses=before[1],
            checked=dict(tally.counts),
            violations=len(violations) + len(wrong),
        )
        assert (wrong, violations) == ([], [])
        assert (evidence(stack), stack.statuses()) == before, again
        assert faults(stack, debits, everything) == []
