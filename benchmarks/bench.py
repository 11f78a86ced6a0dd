"""The context of one run, which every path of the benchmark uses."""

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
RESTARTS = 4
"""How many times servers start whose ratio has a narrow bar: two processes of the same code differ."""


@dataclass(frozen=True)
class Bench:
    """One run: its size, PostgreSQL, a Daraja that answers at once, and the folder of all output."""

    size: Size
    postgres: Postgres
    daraja: Program
    logs: Path
    console: Console
    open: ExitStack
    """Closed at the end of the run, with everything that was entered here."""
    urls: dict[str, str] = field(default_factory=dict)
    """Addresses of the databases that several paths use, by name."""
    versions: dict[str, str] = field(default_factory=dict)
    """Versions of the peers, after they are installed."""

    def note(self, text: str) -> None:
        self.console.print(f"[dim]{text}[/dim]", highlight=False)

    def load(
        self, server: Program, requests: Sequence[bytes], *expected: int, connections: int = CONNECTIONS
    ) -> Sample:
        """Send every request once; return the sample, with the CPU of the server and the database."""
        before, database = server.cpu(), self.postgres.cpu()
        driven = drive(server.port, requests, connections).all_are(*(expected or (200,)))
        return Sample(
            count=len(requests),
            seconds=driven.seconds,
            cpu=server.cpu() - before,
            database_cpu=self.postgres.cpu() - database,
            latencies=tuple(driven.latencies),
        )
