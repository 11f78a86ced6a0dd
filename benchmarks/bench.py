"""What every path of the benchmark works with, and the sample that a load makes of a server."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from benchmarks.load import drive
from benchmarks.postgres import Postgres
from benchmarks.processes import Program
from benchmarks.rounds import Sample
from benchmarks.sizes import Size

CONNECTIONS = 32


@dataclass(frozen=True)
class Bench:
    """One run: its size, its PostgreSQL, an instant Daraja, and the folder of everybody's output."""

    size: Size
    postgres: Postgres
    daraja: Program
    logs: Path
    console: Console
    open: ExitStack
    """Ends with the run, and with it whatever was entered here."""
    urls: dict[str, str] = field(default_factory=dict)
    """Databases that several paths use, by name."""
    versions: dict[str, str] = field(default_factory=dict)
    """Of the peers, once they are installed."""

    def tell(self, what: str) -> None:
        self.console.print(f"[dim]{what}[/dim]", highlight=False)

    def load(
        self, server: Program, requests: Sequence[bytes], *expected: int, connections: int = CONNECTIONS
    ) -> Sample:
        """Send every request once; return the sample, with the CPU that server and database took for it."""
        before, database = server.cpu(), self.postgres.cpu()
        driven = drive(server.port, requests, connections).all_are(*(expected or (200,)))
        return Sample(
            count=len(requests),
            seconds=driven.seconds,
            cpu=server.cpu() - before,
            database_cpu=self.postgres.cpu() - database,
            latencies=tuple(driven.latencies),
        )
