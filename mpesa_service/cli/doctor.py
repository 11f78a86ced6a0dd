"""The operator command that checks the installation: mpesa doctor"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click
from flask.cli import with_appcontext
from limits.storage import storage_from_string
from rich.console import Console
from rich.text import Text

from mpesa_service.cli.options import as_json as as_json_option
from mpesa_service.cli.options import echo_json
from mpesa_service.config import Settings
from mpesa_service.jobs.celery_app import broker_problem, make_celery
from mpesa_service.operations.check_results import CheckResult, Health, good, skipped, wrong
from mpesa_service.operations.doctor import run_checks
from mpesa_service.web.blueprint import runtime

BROKER = "broker"
LIMITER = "rate-limit store"
_STYLES = {Health.GOOD: "green", Health.WARNING: "yellow", Health.WRONG: "bold red", Health.SKIPPED: "dim"}


@click.command("doctor")
@as_json_option
@with_appcontext
def doctor(as_json: bool) -> None:
    """Check the installation: database, credentials, addresses, clock, worker, broker.

    The command also checks the store of the rate limits. It moves no money. To check the initiator, it
    queries the account balances and waits up to 20 seconds for M-Pesa's answer. The exit code is 1 if a check
    fails.

    Example: mpesa doctor
    """
    results = []
    with _only_errors_logged():
        for result in _results():
            results.append(result)
            if not as_json:
                _print(result)
    if as_json:
        echo_json([asdict(result) for result in results])
    raise SystemExit(any(result.health is Health.WRONG for result in results))


@contextmanager
def _only_errors_logged() -> Iterator[None]:
    """Keep the log lines of the checks out of the results."""
    logger = logging.getLogger("mpesa_service")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _results() -> Iterator[CheckResult]:
    bound = runtime()
    yield from run_checks(bound)
    yield _broker(bound.settings)
    yield _limit_store(bound.settings)


def _broker(settings: Settings) -> CheckResult:
    problem = broker_problem(make_celery(settings))
    if problem is None:
        return good(BROKER, "reachable")
    advice = "Check CELERY_BROKER_URL and its server. What is due waits in the database; nothing is lost."
    return wrong(BROKER, problem, advice)


def _limit_store(settings: Settings) -> CheckResult:
    if not settings.ratelimit_enabled:
        return skipped(LIMITER, "rate limits are off")
    if storage_from_string(settings.ratelimit_storage_uri).check():
        return good(LIMITER, "reachable")
    advice = "Check RATELIMIT_STORAGE_URI and its server. Until then each process counts for itself."
    return wrong(LIMITER, "cannot be reached", advice)


def _print(result: CheckResult) -> None:
    console = Console(highlight=False, soft_wrap=True)
    style = _STYLES[result.health]
    console.print(Text(f"{result.health:<8}", style), Text(f"{result.check}: {result.found}"))
    if result.advice:
        console.print(Text(f"         {result.advice}", "dim" if result.health is Health.GOOD else ""))
