"""Starts everything that it needs, measures, prints one table, and exits 1 if a bar is missed.

python -m benchmarks --size usual
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from benchmarks import report, stub
from benchmarks.bars import Row
from benchmarks.bench import Bench
from benchmarks.paths import (
    bulkhead,
    callbacks,
    claims,
    deliveries,
    exports,
    initiate,
    lists,
    peers,
    scale,
    status,
)
from benchmarks.postgres import Postgres
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
}
PACKAGES = ("Flask", "gunicorn", "SQLAlchemy", "psycopg")


def main() -> int:
    """Measure what was asked for; return the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything is ended then, too
    arguments = _arguments()
    size, console = SIZES[arguments.size], Console()
    started = time.monotonic()
    with ExitStack() as opened:
        bench = _start(size, console, opened)
        facts = {**report.machine(), "size": size.name, "postgres": bench.postgres.version()}
        rows = []
        for name in arguments.only or PATHS:
            console.rule(name)
            begun = time.monotonic()
            found = PATHS[name](bench)
            report.show(console, found)
            bench.tell(f"{time.monotonic() - begun:.0f} seconds")
            rows += found
    facts |= {
        "minutes": (time.monotonic() - started) / 60,
        "versions": {**{p: version(p) for p in PACKAGES}, **bench.versions},
    }
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


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="usual")
    parser.add_argument("--only", action="append", choices=PATHS, help="only this path; may be repeated")
    parser.add_argument("--json", type=Path, default=Path("var/bench/results.json"))
    parser.add_argument("--page", action="store_true", help="write the table into docs/performance.md")
    return parser.parse_args()


def _start(size: Size, console: Console, opened: ExitStack) -> Bench:
    logs = Path(tempfile.mkdtemp(prefix="mpesa-bench-logs-"))
    opened.callback(shutil.rmtree, logs, ignore_errors=True)
    postgres = opened.enter_context(Postgres())
    daraja = opened.enter_context(stub.start(logs))
    return Bench(size, postgres, daraja, logs, console, opened)


if __name__ == "__main__":
    sys.exit(main())
