"""Start what the benchmark needs, measure, and print one table; exit with 1 if a bar is missed.

python -m benchmarks --size usual
python -m benchmarks --against fe256ed
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from benchmarks import report, stub
from benchmarks.against.builds import Build, commit_of, tree_name, unpacked
from benchmarks.against.callbacks import alone, sqlite, together
from benchmarks.against.comparison import NEW, OLD, Comparison
from benchmarks.against.process import commands_help, memory, start
from benchmarks.bars import Row
from benchmarks.bench import Bench
from benchmarks.paths import (
    batching,
    bulkhead,
    callbacks,
    claims,
    deliveries,
    drivers,
    exports,
    initiate,
    lists,
    peers,
    scale,
    statements,
    status,
)
from benchmarks.postgres import Postgres
from benchmarks.processes import ROOT
from benchmarks.service import environment
from benchmarks.sizes import SIZES, Size

PATHS: dict[str, Callable[[Bench], list[Row]]] = {
    "callbacks": callbacks.measure,
    "initiate": initiate.measure,
    "status": status.measure,
    "lists": lists.measure,
    "exports": exports.measure,
    "claims": claims.measure,
    "deliveries": deliveries.measure,
    "bulkhead": bulkhead.measure,
    "peers": peers.measure,
    "scale": scale.measure,
    "statements": statements.measure,
}
CHOICES: dict[str, Callable[[Bench], list[Row]]] = {"batching": batching.measure, "drivers": drivers.measure}
"""What a decision record claims. It is measured only if `--only` names it."""
PARTS: dict[str, Callable[[Comparison], list[Row]]] = {
    "alone": alone,
    "together": together,
    "sqlite": sqlite,
    "start": start,
    "memory": memory,
    "help": commands_help,
}
"""The parts of a comparison with another commit."""
PACKAGES = ("Flask", "gunicorn", "SQLAlchemy", "psycopg")


def main() -> int:
    """Measure what the command line names; return the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that it cleans up on SIGTERM, too
    arguments = _arguments()
    size, console = SIZES[arguments.size], Console()
    started = time.monotonic()
    with ExitStack() as opened:
        bench = _start(size, console, opened)
        facts = {**report.machine(), "size": size.name, "postgres": bench.postgres.version()}
        if arguments.against:
            facts |= {"commit": tree_name(), "against": commit_of(arguments.against)}
        measurements = _measurements(arguments, bench, opened)
        rows = []
        for name in arguments.only or (PARTS if arguments.against else PATHS):
            console.rule(name)
            begun = time.monotonic()
            found = measurements[name]()
            report.show(console, found)
            bench.note(f"{time.monotonic() - begun:.0f} seconds")
            rows += found
    facts |= {
        "minutes": (time.monotonic() - started) / 60,
        "versions": {**{p: version(p) for p in PACKAGES}, **bench.versions},
    }
    return _report(arguments, console, rows, facts)


def _report(
    arguments: argparse.Namespace, console: Console, rows: list[Row], facts: Mapping[str, object]
) -> int:
    console.rule("everything")
    report.show(console, rows)
    report.write_json(arguments.json, rows, facts)
    if arguments.page:
        report.write_page(rows, facts)
    missed = [row for row in rows if row.passed is False]
    judged = sum(row.passed is not None for row in rows)
    console.print(
        f"{judged - len(missed)} of {judged} bars passed in {facts['minutes']:.1f} minutes; {arguments.json}"
    )
    return 1 if missed else 0


def _measurements(
    arguments: argparse.Namespace, bench: Bench, opened: ExitStack
) -> Mapping[str, Callable[[], list[Row]]]:
    if not arguments.against:
        return {name: partial(measure, bench) for name, measure in (PATHS | CHOICES).items()}
    comparison = _comparison(bench, arguments.against, opened)
    return {name: partial(measure, comparison) for name, measure in PARTS.items()}


def _comparison(bench: Bench, revision: str, opened: ExitStack) -> Comparison:
    old = Build(OLD, opened.enter_context(unpacked(revision)))
    comparison = Comparison(bench, Build(NEW, ROOT), old)
    for build in comparison.builds:
        build.check(environment("sqlite://", bench.daraja.port))
    return comparison


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="usual")
    parser.add_argument("--against", metavar="REV", help="compare with the service as it is in this commit")
    parser.add_argument(
        "--only",
        action="append",
        choices=[*PATHS, *CHOICES, *PARTS],
        help=f"measure only this; may be repeated. With --against: {', '.join(PARTS)}",
    )
    parser.add_argument("--json", type=Path, help="default: var/bench/results.json or var/bench/against.json")
    parser.add_argument("--page", action="store_true", help="write the table into docs/performance.md")
    arguments = parser.parse_args()
    known = PARTS if arguments.against else PATHS | CHOICES
    if unknown := [name for name in arguments.only or () if name not in known]:
        parser.error(
            f"--only {unknown[0]} is not measured {'with' if arguments.against else 'without'} --against"
        )
    arguments.json = arguments.json or Path(
        "var/bench", "against.json" if arguments.against else "results.json"
    )
    return arguments


def _start(size: Size, console: Console, opened: ExitStack) -> Bench:
    logs = Path(tempfile.mkdtemp(prefix="mpesa-bench-logs-"))
    opened.callback(shutil.rmtree, logs, ignore_errors=True)
    postgres = opened.enter_context(Postgres())
    daraja = opened.enter_context(stub.start(logs))
    return Bench(size, postgres, daraja, logs, console, opened)


if __name__ == "__main__":
    sys.exit(main())
