"""The sizes of a run: quick (two minutes), usual (fifteen minutes), and full (ten million payments)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Amounts of one run. `small` and `large` are the payments in the two tables that are compared."""

    name: str
    rounds: int
    requests: int
    """Requests per server and round, for requests that take about a millisecond."""
    small: int
    large: int
    due: int
    """Payments that are claimed in a round."""
    deliveries: int
    export_rounds: int
    worker_counts: tuple[int, ...]
    connection_counts: tuple[int, ...]
    daraja_seconds: float
    """The time that a slow Daraja takes to answer a push."""

    @property
    def fewer(self) -> int:
        """Requests per server and round, for requests that take several milliseconds."""
        return max(self.requests // 5, 32)


SIZES = {
    size.name: size
    for size in (
        Size("quick", 5, 64, 2_000, 10_000, 300, 200, 5, (2,), (1,), 2),
        Size("usual", 5, 640, 10_000, 1_000_000, 1_000, 600, 5, (1, 2, 4), (1, 4, 32), 2),
        Size("full", 7, 1_500, 10_000, 10_000_000, 1_000, 600, 5, (1, 2, 4), (1, 4, 32), 2),
    )
}
