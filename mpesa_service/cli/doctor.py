"""The operator command that checks the installation: mpesa doctor"""

import json
from collections.abc import Iterator
from dataclasses import asdict

import click
from flask.cli import with_appcontext
from limits.storage import storage_from_string
from rich.console import Console
from rich.text import Text

from mpesa_service.config import Settings
from mpesa_service.jobs.broker import broker_trouble
from mpesa_service.jobs.celery_app import make_celery
from mpesa_service.operations.checks import Finding, Health, good, skipped, wrong
from mpesa_service.operations.doctor import examine
from mpesa_service.web.blueprint import runtime

BROKER = "broker"
LIMITER = "rate-limit store"
_STYLES = {Health.GOOD: "green", Health.WARNING: "yellow", Health.WRONG: "bold red", Health.SKIPPED: "dim"}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
@with_appcontext
def doctor(as_json: bool) -> None:
    """Check the installation: credentials, clock, database, broker.

    It also checks the addresses and the store of the rate limits. The exit code is 1 if a check fails. The
    command moves no money. It queries the account balances, because the answer shows that M-Pesa accepts the
    initiator, and waits up to 20 seconds for it.

    Example: mpesa doctor
    """
    findings = []
    for finding in _findings():
        findings.append(finding)
        if not as_json:
            _print(finding)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    raise SystemExit(any(finding.health is Health.WRONG for finding in findings))


def _findings() -> Iterator[Finding]:
    bound = runtime()
    yield from examine(bound)
    yield _broker(bound.settings)
    yield _limit_store(bound.settings)


def _broker(settings: Settings) -> Finding:
    trouble = broker_trouble(make_celery(settings))
    if trouble is None:
        return good(BROKER, "reachable")
    mend = "Check CELERY_BROKER_URL and its server. What is due waits in the database; nothing is lost."
    return wrong(BROKER, trouble, mend)


def _limit_store(settings: Settings) -> Finding:
    if not settings.ratelimit_enabled:
        return skipped(LIMITER, "rate limits are off")
    if storage_from_string(settings.ratelimit_storage_uri).check():
        return good(LIMITER, "reachable")
    mend = "Check RATELIMIT_STORAGE_URI and its server. Until then each process counts for itself."
    return wrong(LIMITER, "cannot be reached", mend)


def _print(finding: Finding) -> None:
    console = Console(highlight=False, soft_wrap=True)
    style = _STYLES[finding.health]
    console.print(Text(f"{finding.health:<8}", style), Text(f"{finding.check}: {finding.found}"))
    if finding.mend:
        console.print(Text(f"         {finding.mend}", "dim" if finding.health is Health.GOOD else ""))
