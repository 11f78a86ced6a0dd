"""Operator commands for background jobs: mpesa jobs …"""

import click
from flask.cli import AppGroup

from mpesa_service.cli.options import as_json, echo_json
from mpesa_service.cli.output import show_list
from mpesa_service.jobs.table import JOBS, run
from mpesa_service.web.blueprint import runtime

jobs_cli = AppGroup("jobs", help="Background jobs.")


@jobs_cli.command("run-once")
@click.option(
    "--job",
    "names",
    multiple=True,
    type=click.Choice([job.name for job in JOBS]),
    help="Run only this job. Repeatable.",
)
@as_json
def run_once(names: tuple[str, ...], as_json: bool) -> None:
    """Run every job once, until nothing is due.

    Without a worker, run this command every minute.

    Example: mpesa jobs run-once
    """
    done = {}
    for job in JOBS:
        if not names or job.name in names:
            done[job.name] = run(runtime(), job)
            if not as_json:
                click.echo(f"{job.name}: {done[job.name]}")
    if as_json:
        echo_json(done)


@jobs_cli.command("list")
@as_json
def list_jobs(as_json: bool) -> None:
    """Show every job and how often the worker runs it.

    Example: mpesa jobs list
    """
    data = [{"name": job.name, "every": job.every, "help": job.help} for job in JOBS]
    rows = ((job.name, f"{job.every:g} s", job.help) for job in JOBS)
    show_list(as_json, data, ("job", "every", "description"), rows)
