"""Statements: import with comparison beside a plain reading of the same file, and a workbook applied."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from benchmarks.bars import Row, at_most
from benchmarks.bench import Bench
from benchmarks.databases import large
from benchmarks.processes import ROOT
from benchmarks.rounds import Figure, Sample, Samples, compare, run_rounds
from benchmarks.service import environment
from mpesa_service.config import load_settings

CSV = "import of a csv statement"
XLSX = "statement of {rows:,} rows as xlsx, applied"
CSV_FLOOR = "floor: DictReader, Decimal, strptime"
XLSX_FLOOR = "floor: openpyxl read-only"
ROUNDS = 3
XLSX_ROWS = 30_000
NAIROBI = timezone(timedelta(hours=3))
COLUMNS = [
    *("Receipt No.", "Completion Time", "Initiation Time", "Details", "Transaction Status", "Paid In"),
    *("Withdrawn", "Balance", "Balance Confirmed", "Reason Type", "Other Party Info"),
    *("Linked Transaction ID", "A/C No."),
]
_CLEAR = (
    "TRUNCATE statement_lines, statement_texts, statements",
    "UPDATE payments SET evidence = 'callback' WHERE evidence = 'statement'",
)


def measure(bench: Bench) -> list[Row]:
    """Import a statement with a row for each payment of the large table, and apply a workbook."""
    env = environment(large(bench), bench.daraja.port)
    shortcode = load_settings(env).mpesa_shortcode
    with bench.postgres.connect("large") as connection:
        [[first]] = connection.execute("SELECT MIN(paid_at) FROM payments").fetchall()
    begin = first.astimezone(NAIROBI)
    rows = _csv(bench, env, shortcode, begin)
    return [*rows, *_xlsx(bench, env, shortcode, begin)]


def _csv(bench: Bench, env: Mapping[str, str], shortcode: str, begin: datetime) -> list[Row]:
    path = bench.logs / "statement.csv"
    with path.open("w", newline="") as text:
        csv.writer(text).writerows(statement(bench.size.large, shortcode, bench.size.large, begin))
    memory: list[float] = []
    samples = run_rounds(
        ROUNDS,
        {
            "service": lambda _: _run(bench, env, "import", path, memory),
            CSV_FLOOR: lambda _: _run(bench, env, "csv-floor", path, []),
        },
    )
    figure = f"seconds, {bench.size.large:,} rows, {bench.size.large:,} payments"
    path.unlink()
    return [
        _times(CSV, figure, _seconds, samples, CSV_FLOOR, 3),
        Row(CSV, "MiB of the process", max(memory), ratio=max(memory), bar=at_most(200)),
    ]


def _xlsx(bench: Bench, env: Mapping[str, str], shortcode: str, begin: datetime) -> list[Row]:
    from openpyxl import Workbook

    count = min(XLSX_ROWS, bench.size.large)
    path = bench.logs / "statement.xlsx"
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("transaction")
    for row in statement(count, shortcode, bench.size.large, begin):
        sheet.append(row)
    workbook.save(path)
    samples = run_rounds(
        ROUNDS,
        {
            "service": lambda _: _run(bench, env, "apply", path, []),
            XLSX_FLOOR: lambda _: _run(bench, env, "xlsx-floor", path, []),
        },
    )
    path.unlink()
    return [_times(XLSX.format(rows=count), "seconds", _seconds, samples, XLSX_FLOOR, 0.5)]


def _times(path: str, figure: str, value: Figure, samples: Samples, against: str, most: float) -> Row:
    return compare(path, figure, value, samples, against=against, bar=at_most(most))


def _seconds(sample: Sample) -> float:
    return sample.seconds


def _run(bench: Bench, env: Mapping[str, str], name: str, path: Path, memory: list[float]) -> Sample:
    """Run a program of `statement_import` after removing what the run before has stored."""
    if not name.endswith("floor"):
        with bench.postgres.connect("large") as connection:
            for sql in _CLEAR:
                connection.execute(sql)
            connection.execute("VACUUM ANALYZE payments")
            connection.execute("CHECKPOINT")
    command = [sys.executable, "-m", "benchmarks.statement_import", name, str(path)]
    done = subprocess.run(command, env=dict(env), cwd=ROOT, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    memory.append(found["mib"])
    return Sample(found["count"], found["seconds"], found["cpu"])


def statement(count: int, shortcode: str, payments: int, begin: datetime) -> Iterator[list[str]]:
    """Yield the rows of a statement of the first `count` of the payments of the large table, newest first.

    `begin` is the time of the first payment, in Nairobi time. Nine of ten payments are paid. The tenth row
    is the charge of the one before.
    """
    amounts = [-500 if number % 10 == 9 else (100 + number % 5_000) * 100 for number in range(count)]
    paid_in, withdrawn = sum(a for a in amounts if a > 0), sum(a for a in amounts if a < 0)
    balance = sum(amounts)
    step = timedelta(days=89) / payments
    period = f"From {begin:%d-%m-%Y %H:%M:%S}", f"To {begin + count * step:%d-%m-%Y %H:%M:%S}"
    yield ["Account Holder:", "Shop", "", "Short Code:", shortcode]
    yield ["Account:", "Utility Account", "", "Time Period:", *period]
    yield ["Opening Balance:", "0.00", "", "Closing Balance:", money(balance)]
    yield ["Total Paid In:", money(paid_in), "", "Total Withdrawn:", money(withdrawn)]
    yield COLUMNS
    for number in range(count - 1, -1, -1):
        amount, at = amounts[number], begin + number * step
        yield _row(number, amount, balance, f"{at:%d-%m-%Y %H:%M:%S}")
        balance -= amount


def _row(number: int, amount: int, balance: int, at: str) -> list[str]:
    if amount < 0:
        cells = ["Pay Bill Charge", "Completed", "", money(amount), money(balance), "true", "Pay Bill Charge"]
        return [f"S{number - 1:09X}", at, at, *cells, "SP", "", ""]
    party, account = f"2547****{number % 1_000:03} - jane doe {number % 977}", f"ORDER-{number}"
    cells = ["Completed", money(amount), "", money(balance), "true", "Pay Bill Online", party, "", account]
    return [f"S{number:09X}", at, at, f"Pay Bill Online from {party} Acc. {account}", *cells]


def money(cents: int) -> str:
    """Return cents as the portal writes them."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100:,}.{abs(cents) % 100:02}"
