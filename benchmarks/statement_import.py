"""Programs of the benchmark of statements; each prints its seconds, CPU seconds and peak memory as JSON.

python -m benchmarks.statement_import import FILE          reads, stores and compares, as the command does
python -m benchmarks.statement_import apply FILE           the same, and applies
python -m benchmarks.statement_import csv-floor FILE       only reads it: DictReader, Decimal, strptime
python -m benchmarks.statement_import xlsx-floor FILE      only reads it: openpyxl, read-only
"""

import csv
import json
import resource
import sys
import time
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from mpesa_service.config import load_settings
from mpesa_service.core.runtime import build_runtime
from mpesa_service.domain.principal import ADMIN, Principal
from mpesa_service.statements.applying import apply_statement, request_apply
from mpesa_service.statements.importing import read_statement
from mpesa_service.statements.report import compare

BOSS = Principal("boss", frozenset({ADMIN}))
FORMAT = "%d-%m-%Y %H:%M:%S"
AMOUNTS = ("Paid In", "Withdrawn", "Balance")
TIMES = ("Completion Time", "Initiation Time")
HEADER = "Receipt No."


def import_(path: Path) -> int:
    """Read, store and compare a statement."""
    runtime = build_runtime(load_settings())
    record = compare(runtime, read_statement(runtime, BOSS, path, path.name))
    return record.line_count


def apply(path: Path) -> int:
    """Read, store, compare and apply a statement."""
    runtime = build_runtime(load_settings())
    record = read_statement(runtime, BOSS, path, path.name)
    request_apply(runtime, BOSS, record.id)
    return apply_statement(runtime, record.id).line_count


def csv_floor(path: Path) -> int:
    """Read what an import needs with the standard library, and keep nothing."""
    count = 0
    with path.open(newline="") as text:
        lines = iter(text)
        header = next(line for line in lines if line.startswith(HEADER))
        for row in csv.DictReader(lines, next(csv.reader([header]))):
            for name in AMOUNTS:
                Decimal(row[name].replace(",", "") or 0)
            for name in TIMES:
                datetime.strptime(row[name], FORMAT)  # noqa: DTZ007 - as importers write it
            count += 1
    return count


def xlsx_floor(path: Path) -> int:
    """Iterate over the rows below the header, and keep nothing."""
    from openpyxl import load_workbook

    workbook = load_workbook(path, read_only=True)
    try:
        rows = workbook.worksheets[0].iter_rows(values_only=True)
        while next(rows)[0] != HEADER:
            pass
        return sum(1 for _ in rows)
    finally:
        workbook.close()


PROGRAMS: dict[str, Callable[[Path], int]] = {
    "import": import_,
    "apply": apply,
    "csv-floor": csv_floor,
    "xlsx-floor": xlsx_floor,
}


def main() -> None:
    """Run one program; the imports of modules do not count."""
    started, cpu = time.perf_counter(), time.process_time()
    count = PROGRAMS[sys.argv[1]](Path(sys.argv[2]))
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"count": count, "seconds": seconds, "cpu": cpu, "mib": memory}))


if __name__ == "__main__":
    main()
