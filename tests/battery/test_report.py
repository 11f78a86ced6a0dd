"""The soak's report writes what was measured, and nothing else of the page."""

from pathlib import Path

import pytest

from tests.battery import report


def test_the_figures_are_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "reliability.md"
    page.write_text(f"before\n{report.BEGIN}\n\nold\n\n{report.END}\nafter\n")
    monkeypatch.setattr(report, "PAGE", page)
    part = {
        "part": "chaos",
        "seed": 7,
        "violations": 0,
        "kills": 60,
        "published": {"payout_batch.done": 9},
        "of_each": ["a_b"],
    }
    for _ in range(2):
        report.write([part], "7", "full", 1.25, passed=True)
    text = page.read_text()
    assert text.startswith(f"before\n{report.BEGIN}\n\n20")
    assert text.endswith(f"\n\n{report.END}\nafter\n")
    assert "seed `7`, size `full`, 1.2 minutes" in text
    assert "| chaos | 0 | kills: 60; published: 9 × payout_batch.done; of each: a b |" in text  # noqa: RUF001
    assert "old" not in text


def test_a_failed_run_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "reliability.md"
    page.write_text(f"{report.BEGIN}{report.END}")
    monkeypatch.setattr(report, "PAGE", page)
    report.write([], "7", "full", 1.0, passed=False)
    assert "**a test failed**" in page.read_text()
