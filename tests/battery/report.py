"""make soak: the battery at full size, and its figures written into docs/reliability.md.

Only what a run measured is written; the text around the table stays as it is.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- last soak: begin -->", "<!-- last soak: end -->"


def main() -> int:
    """Run the battery at full size; return pytest's exit status."""
    size = os.environ.get("BATTERY_SIZE", "full")
    with tempfile.TemporaryDirectory() as directory:
        figures = Path(directory) / "figures"
        seed = os.environ.get("BATTERY_SEED") or str(int(time.time()) % 1_000_000)
        env = {**os.environ, "BATTERY_SIZE": size, "BATTERY_SEED": seed, "BATTERY_FIGURES": str(figures)}
        began = time.monotonic()
        command = [sys.executable, "-m", "pytest", "tests/battery", "-s"]
        status = subprocess.run([*command, *sys.argv[1:]], cwd=ROOT, env=env, check=False).returncode
        minutes = (time.monotonic() - began) / 60
        lines = figures.read_text().splitlines() if figures.exists() else []
    write([json.loads(line) for line in lines], seed, size, minutes, passed=status == 0)
    return status


def write(parts: list[dict[str, Any]], seed: str, size: str, minutes: float, *, passed: bool) -> None:
    """Replace the figures between the page's two marks."""
    page = PAGE.read_text()
    head, rest = page.split(BEGIN)
    tail = rest.split(END)[1]
    result = "every test passed" if passed else "**a test failed**"
    lines = [
        (
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, seed `{seed}`, size `{size}`, {minutes:.1f} minutes on"
            f" {os.cpu_count()} cores, Python {platform.python_version()}: {result}."
        ),
        "",
        "| Part | Violations | Figures |",
        "|---|---|---|",
        *(_row(part) for part in parts),
    ]
    PAGE.write_text("\n".join([head + BEGIN, "", *lines, "", END + tail]))


def _row(part: dict[str, Any]) -> str:
    hidden = {"part", "seed", "violations"}
    summary = "; ".join(f"{_words(name)}: {_value(v)}" for name, v in part.items() if name not in hidden)
    return f"| {part['part']} | {part['violations']} | {summary} |"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(_counted(name, what) for name, what in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(_words(item) for item in value)
    return str(value)


def _counted(name: str, what: Any) -> str:
    if isinstance(what, dict):
        return f"{_words(name)} ({_value(what)})"
    return f"{what} × {_words(name)}"  # noqa: RUF001


def _words(name: str) -> str:
    """Return a figure's name as words. The name of an event, such as `payout_batch.done`, stays as it is."""
    return name if "." in name else name.replace("_", " ")


if __name__ == "__main__":
    sys.exit(main())
