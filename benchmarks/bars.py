"""Bars: limits of the figures. Most limit a ratio to something that the same run measures."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Side = Literal["least", "most"]


@dataclass(frozen=True)
class Bar:
    """The lower (`least`) or upper (`most`) limit of a ratio, and an optional better value, the stretch."""

    side: Side
    limit: float
    stretch: float | None = None

    def is_met(self, ratio: float) -> bool:
        return ratio >= self.limit if self.side == "least" else ratio <= self.limit

    def is_stretched(self, ratio: float) -> bool:
        """Return whether the ratio also reaches the stretch."""
        if self.stretch is None:
            return False
        return Bar(self.side, self.stretch).is_met(ratio)

    def __str__(self) -> str:
        return f"{'≥' if self.side == 'least' else '≤'} {self.limit:g}"


def at_least(limit: float, stretch: float | None = None) -> Bar:
    return Bar("least", limit, stretch)


def at_most(limit: float, stretch: float | None = None) -> Bar:
    return Bar("most", limit, stretch)


@dataclass(frozen=True)
class Row:
    """One line of the table: our figure beside the figure of a floor or a peer, with or without a bar.

    `ratio` is our figure divided by the other one, the median over the rounds. If `bar` limits the figure
    itself, `ratio` is the figure.
    """

    path: str
    figure: str
    ours: float
    against: str = ""
    theirs: float | None = None
    ratio: float | None = None
    bar: Bar | None = None

    @property
    def passed(self) -> bool | None:
        """Whether the bar is met; None where there is none."""
        if self.bar is None or self.ratio is None:
            return None
        return self.bar.is_met(self.ratio)

    @property
    def mark(self) -> str:
        """The outcome as text: `pass`, `pass +` at the stretch, `FAIL`, or nothing."""
        if self.passed is None or self.bar is None or self.ratio is None:
            return ""
        if not self.passed:
            return "FAIL"
        return "pass +" if self.bar.is_stretched(self.ratio) else "pass"

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "passed": self.passed, "outcome": self.mark}
