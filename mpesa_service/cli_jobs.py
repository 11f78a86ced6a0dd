"""Operator commands for jobs."""

import click
from flask.cli import AppGroup
from rich.console import Console
from rich.table import Table

from mpesa_service.api.blueprint import runtime
from mpesa_service.jobs.table import JOBS, run

jobs_cli = AppGroup("jobs", help="What is done without being asked.")


@jobs_cli.command("run-once")
@click.option(
    "--job", "names", multiple=True, type=click.Choice([job.name for job in JOBS]), help="Only this."
)
def run_once(names: tuple[str, ...]) -> None:
    """Run every job once, until what is due is done.

    Example: flask --app wsgi mpesa jobs run-once
    """
    for job in JOBS:
        if not names or job.name in names:
            click.echo(f"{job.name}: {run(runtime(), job)}")


@jobs_cli.command("list")
def list_jobs() -> None:
    """Show every job and how often the worker runs it."""
    table = Table("job", "every", "what it does")
    for job in JOBS:
        table.add_row(job.name, f"{job.every:g} s", job.help)
    Console().print(table)
