"""How large a run is, its seed, and where its figures go.

BATTERY_SIZE is `small` (part of `make test`) or `full` (`make soak`), BATTERY_SEED repeats a run.
"""

import json
import os
import random
from pathlib import Path
from typing import TypeVar

Size = TypeVar("Size")

FULL = os.environ.get("BATTERY_SIZE", "small") == "full"
SEED = int(os.environ.get("BATTERY_SEED") or random.SystemRandom().randrange(1_000_000))
FIGURES = os.environ.get("BATTERY_FIGURES")
"""A file that takes one line of JSON a part of the battery; without it they are only printed."""


def sized(small: Size, full: Size) -> Size:
    """Return the one of two for this run's size."""
    return full if FULL else small


def replay(test: str) -> str:
    """Return the command that repeats a test of this run."""
    size = sized("small", "full")
    return f"BATTERY_SEED={SEED} BATTERY_SIZE={size} .venv/bin/python -m pytest '{test}'"


def figures(part: str, **numbers: object) -> None:
    """Print what a part of the battery did and found, and keep it for the report."""
    line = json.dumps({"part": part, "seed": SEED, **numbers})
    print(line)
    if FIGURES:
        with Path(FIGURES).open("a") as file:
            file.write(line + "\n")
