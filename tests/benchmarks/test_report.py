"""The result for people and for scripts."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import report
from benchmarks.bars import Row, at_least

ROWS = [
    Row("callback", "requests/s", 1234.5, "floor", 2000.0, 0.617, at_least(0.35, 0.5)),
    Row("callback", "p99 ms", 9.876, "floor", 3.0, 3.29),
    Row("status", "requests/s", 10.0, "floor", 100.0, 0.1, at_least(0.6)),
]


COMMITS = {"commit": "1234567", "against": "fe256ed"}


@pytest.fixture
def facts() -> dict[str, Any]:
    made = {"size": "quick", "minutes": 1.5, "postgres": "18.1", "versions": {"Flask": "3.1.3"}}
    return {**report.machine(), **made}


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (1234.5, "1,234"), (99.96, "100.0"), (12.34, "12.3"), (0.617, "0.62")]
)
def test_figures_have_their_significant_digits(value: float | None, text: str) -> None:
    assert report.number(value) == text


def test_the_document_names_what_failed(tmp_path: Path, facts: dict[str, Any]) -> None:
    path = tmp_path / "deep" / "results.json"
    report.write_json(path, ROWS, facts)
    found = json.loads(path.read_text())
    assert (found["passed"], found["failed"], found["size"]) == (False, ["status"], "quick")
    assert [row["outcome"] for row in found["rows"]] == ["pass +", "", "FAIL"]


@pytest.mark.parametrize(
    ("marks", "more"), [(report.FIGURES, {}), (report.COMPARISON, COMMITS)], ids=["figures", "comparison"]
)
def test_only_the_table_of_the_page_changes(
    tmp_path: Path, facts: dict[str, Any], marks: tuple[str, str], more: dict[str, str]
) -> None:
    tables = [f"{begin}\nwritten before\n{end}\n" for begin, end in (report.FIGURES, report.COMPARISON)]
    page = tmp_path / "page.md"
    page.write_text("before\n" + "between\n".join(tables) + "after\n")
    for _ in range(2):
        report.write_page(ROWS, facts | more, page)
    text = page.read_text()
    begin, end = marks
    table = text[text.index(begin) : text.index(end)]
    assert table.count("| callback | requests/s | 1,234 | floor | 2,000 | 0.62 | ≥ 0.35 | pass + |") == 1
    assert all(commit in table for commit in more.values())
    assert text.replace(table + end, f"{begin}\nwritten before\n{end}") == (
        "before\n" + "between\n".join(tables) + "after\n"
    )


def test_the_page_in_the_tree_has_the_marks() -> None:
    text = report.PAGE.read_text()
    for mark in (*report.FIGURES, *report.COMPARISON):
        assert text.count(mark) == 1
