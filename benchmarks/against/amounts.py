"""How much a comparison measures, by the size of the run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Amounts:
    """Amounts of one comparison. Two processes of one build differ by some percent, so servers restart."""

    restarts: int
    """How many times the servers start; all rounds run after each start."""
    rounds: int
    alone: int
    """Payments that each build starts and settles in a round, over one connection."""
    together: int
    """The same over 32 connections."""
    sqlite_restarts: int
    starts: int
    """Measured starts of each build, and calls of its help."""
    memory_restarts: int
    memory_callbacks: int
    """Callbacks before the memory is read the second time."""


AMOUNTS = {
    "quick": Amounts(1, 4, 32, 64, 1, 2, 1, 640),
    "usual": Amounts(8, 4, 64, 160, 4, 7, 2, 3_840),
    "full": Amounts(16, 4, 64, 160, 8, 11, 5, 3_840),
}
