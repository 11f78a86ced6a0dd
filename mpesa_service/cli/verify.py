"""The operator command that checks the stored data: mpesa verify"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click
import requests
from flask import current_app
from flask.cli import with_appcontext

from mpesa_service.cli.options import as_json as as_json_option
from mpesa_service.cli.options import echo_json
from mpesa_service.cli.output import print_table
from mpesa_service.core.runtime import Runtime
from mpesa_service.verification.common import Tally, Violation
from mpesa_service.verification.payments import verify
from mpesa_service.verification.simulator_ledger import verify_ledger
from mpesa_service.web.blueprint import RUNTIME

SHOWN = 100
LEDGER_TIMEOUT = 60


@click.command("verify")
@click.option("--ledger", metavar="URL", help="The address of a simulator: also compare with its ledger.")
@click.option("--settled", is_flag=True, help="Also require the result of everything that M-Pesa has ended.")
@as_json_option
@with_appcontext
def verify_books(ledger: str | None, settled: bool, as_json: bool) -> None:
    """Check every invariant of the stored data.

    The exit code is 1 if an invariant is violated. You can run the command while the service runs.

    Example: mpesa verify
    """
    tally, broken = Tally(), Counter[str]()
    shown: list[Violation] = []
    for violation in _violations(ledger, settled, tally):
        broken[violation.invariant] += 1
        if len(shown) < SHOWN:
            shown.append(violation)
    if as_json:
        found = [asdict(violation) for violation in shown]
        echo_json({"checked": tally.counts, "broken": broken, "violations": found})
    else:
        _print(tally, broken, shown)
    raise SystemExit(1 if broken else 0)


def _violations(ledger: str | None, settled: bool, tally: Tally) -> Iterator[Violation]:
    runtime: Runtime = current_app.extensions[RUNTIME]
    yield from verify(runtime, tally)
    if ledger is not None:
        yield from verify_ledger(runtime, _fetch(ledger), settled=settled, tally=tally)


def _fetch(address: str) -> Any:
    try:
        answer = requests.get(f"{address.rstrip('/')}/simulator/ledger", timeout=LEDGER_TIMEOUT)
        answer.raise_for_status()
        return answer.json()
    except (OSError, ValueError) as error:
        raise click.ClickException(f"The ledger could not be read: {type(error).__name__}.") from error


def _print(tally: Tally, broken: Counter[str], shown: list[Violation]) -> None:
    if shown:
        rows = ((one.invariant, one.subject, one.sentence) for one in shown)
        print_table(("rule", "about", "what is wrong"), rows)
    checked = ", ".join(f"{what}: {count}" for what, count in tally.counts.items())
    click.echo(f"Checked: {checked or 'nothing'}.")
    total = sum(broken.values())
    click.echo(f"Violations: {total}." if total else "Every rule holds.")
