"""How much is measured: within two minutes, a quarter of an hour, or as long as ten million payments take."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Amounts of one run. `small` and `large` are the payments in the two tables that are compared."""

    name: str
    rounds: int
    requests: int
    """Requests a server and round, of those that take about a millisecond."""
    small: int
    large: int
    due: int
    """Payments claimed a round."""
    deliveries: int
    export_rounds: int
    worker_counts: tuple[int, ...]
    connection_counts: tuple[int, ...]
    daraja_seconds: float
    """What a slow Daraja takes to answer a push."""

    @property
    def fewer(self) -> int:
        """Requests a server and round, of those that take several milliseconds."""
        return max(self.requests // 5, 32)


SIZES = {
    size.name: size
    for size in (
        Size("quick", 5, 64, 2_000, 10_000, 300, 200, 5, (2,), (1,), 2),
        Size("usual", 5, 640, 10_000, 1_000_000, 1_000, 600, 5, (1, 2, 4), (1, 4, 32), 2),
        Size("full", 7, 1_500, 10_000, 10_000_000, 1_000, 600, 5, (1, 2, 4), (1, 4, 32), 2),
    )
}
