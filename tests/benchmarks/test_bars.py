"""Bars, and the outcome of a row."""

import pytest

from benchmarks.bars import Row, at_least, at_most


def row(ratio: float | None, bar: object) -> Row:
    return Row("path", "requests/s", 1.0, "floor", 2.0, ratio, bar)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ratio", "bar", "mark"),
    [
        (0.34, at_least(0.35, 0.5), "FAIL"),
        (0.35, at_least(0.35, 0.5), "pass"),
        (0.5, at_least(0.35, 0.5), "pass +"),
        (3.1, at_most(3), "FAIL"),
        (3.0, at_most(3), "pass"),
        (1.0, at_most(3), "pass"),
        (1.5, at_most(3, 1.5), "pass +"),
    ],
)
def test_a_bar_is_met_or_not(ratio: float, bar: object, mark: str) -> None:
    found = row(ratio, bar)
    assert found.mark == mark
    assert found.passed is (mark != "FAIL")


@pytest.mark.parametrize(("ratio", "bar"), [(None, at_least(1)), (0.1, None), (None, None)])
def test_a_row_without_a_bar_neither_passes_nor_fails(ratio: float | None, bar: object) -> None:
    found = row(ratio, bar)
    assert found.passed is None
    assert found.mark == ""


def test_a_bar_as_text() -> None:
    assert [str(at_least(0.35)), str(at_most(3))] == ["≥ 0.35", "≤ 3"]


def test_json_has_the_outcome_of_the_table() -> None:
    found = row(0.4, at_least(0.35, 0.5)).as_json()
    assert (found["passed"], found["outcome"], found["ratio"]) == (True, "pass", 0.4)
    assert found["bar"] == {"side": "least", "limit": 0.35, "stretch": 0.5}
