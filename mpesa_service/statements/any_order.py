"""Checks a running balance whatever the order of the lines: people sort files, by receipt or else.

Each line leads from the balance before it to the balance after it. If the lines are one chain, each balance
between them is reached once and left once, and only the opening and the closing balance remain. The sum of
the hashes of what is left, minus those of what is reached, shows this without storing the lines.
"""

from datetime import datetime

_MASK = (1 << 61) - 1
_ODD, _OTHER = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F
CANDIDATES = 100
"""The lines of the first second whose balances may be the opening balance."""


def _mixed(cents: int) -> int:
    """Return a hash of a balance. It is not linear, or the sum of all hashes would say nothing."""
    first = (cents + _OTHER) * _ODD & _MASK
    return (first ^ (first >> 29)) * (first ^ _OTHER) & _MASK


class AnyOrder:
    """The lines of one account, in any order."""

    def __init__(self) -> None:
        self._sum = self._total = 0
        self._first_at: datetime | None = None
        self._openings: list[int] = []

    def add(self, at: datetime, amount: int, balance: int) -> None:
        """Add a line with its time, its signed amount and the balance after it."""
        before = balance - amount
        self._sum += _mixed(before) - _mixed(balance)
        self._total += amount
        if self._first_at is None or at < self._first_at:
            self._first_at, self._openings = at, [before]
        elif at == self._first_at and len(self._openings) < CANDIDATES:
            self._openings.append(before)

    def opening_cents(self) -> int | None:
        """Return the balance before the first line if the lines are one chain, else None."""
        for opening in self._openings:
            if self._sum == _mixed(opening) - _mixed(opening + self._total):
                return opening
        return None
