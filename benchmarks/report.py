"""The result: a table for people, JSON for scripts, and the same table in docs/performance.md.

The page has two tables: the figures beside floors and peers, and the comparison with an older commit.
"""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.bars import Row
from benchmarks.processes import ROOT

PAGE = ROOT / "docs" / "performance.md"
FIGURES = ("<!-- figures: written by make bench -->", "<!-- end of figures -->")
COMPARISON = ("<!-- comparison: written by make bench-against -->", "<!-- end of comparison -->")
"""The marks around each table of the page."""
HEADINGS = ("path", "figure", "ours", "against", "theirs", "ratio", "bar", "")


def machine() -> dict[str, Any]:
    """Return facts about the machine."""
    models = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
    ]
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "processor": models[0].partition(":")[2].strip() if models else platform.machine(),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
        "python": platform.python_version(),
    }


def number(value: float | None) -> str:
    """Return a figure as text, with its significant digits."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def cells(row: Row) -> tuple[str, ...]:
    """Return the cells of a row, one for each heading."""
    bar = f"{row.bar}" if row.bar else ""
    ours, theirs = number(row.ours), number(row.theirs)
    return (row.path, row.figure, ours, row.against, theirs, number(row.ratio), bar, row.mark)


def show(console: Console, rows: Sequence[Row]) -> None:
    table = Table(*HEADINGS)
    before = ""
    for row in rows:
        style = {False: "bold red", True: "green", None: ""}[row.passed]
        shown = cells(row)
        table.add_row(shown[0] if row.path != before else "", *shown[1:], style=style)
        before = row.path
    console.print(table)


def document(rows: Sequence[Row], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole result as JSON values."""
    failed = [row.path for row in rows if row.passed is False]
    return {"passed": not failed, "failed": failed, **facts, "rows": [row.as_json() for row in rows]}


def write_json(path: Path, rows: Sequence[Row], facts: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document(rows, facts), indent=2) + "\n")


def write_page(rows: Sequence[Row], facts: Mapping[str, Any], page: Path = PAGE) -> None:
    """Replace the table between its two marks on the page."""
    begin, end = COMPARISON if "against" in facts else FIGURES
    head, rest = page.read_text().split(begin)
    page.write_text(head + begin + "\n\n" + in_markdown(rows, facts) + "\n" + end + rest.split(end)[1])


def in_markdown(rows: Sequence[Row], facts: Mapping[str, Any]) -> str:
    """Return the table and the facts about the run, as Markdown."""
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    builds = "Commit {commit} (ours) beside commit {against} (old). " if "against" in facts else ""
    lines = [
        (
            f"{facts['at'].replace('T', ' ')[:16]} UTC, size `{facts['size']}`,"
            f" {facts['minutes']:.1f} minutes on {facts['cores']} cores ({facts['processor']}),"
            f" {facts['memory_gib']} GiB, Python {facts['python']}, PostgreSQL {facts['postgres']}."
        ),
        "",
        f"{builds.format_map(facts)}Versions: {versions}." if versions else "",
        "",
        "| " + " | ".join(HEADINGS) + " |",
        "|" + "---|" * len(HEADINGS),
        *("| " + " | ".join(cells(row)) + " |" for row in rows),
        "",
    ]
    return "\n".join(lines)
