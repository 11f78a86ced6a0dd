"""What every part of the comparison works with: the two builds and a database for each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.against.amounts import AMOUNTS, Amounts
from benchmarks.against.builds import Build
from benchmarks.against.sides import WARM_UP, Side, hosted_sides
from benchmarks.bars import Bar, Row
from benchmarks.bench import Bench
from benchmarks.rounds import Figure, Sample, Samples, compare, extend, run_rounds
from benchmarks.service import environment

NEW, OLD = "new", "old"


@dataclass(frozen=True)
class Comparison:
    """The builds, named `new` and `old`, and the run that they are measured in."""

    bench: Bench
    new: Build
    old: Build

    @property
    def amounts(self) -> Amounts:
        return AMOUNTS[self.bench.size.name]

    @property
    def builds(self) -> tuple[Build, Build]:
        return self.new, self.old

    def postgres_urls(self) -> dict[str, str]:
        """Return the address of each build's own PostgreSQL database; made and migrated at the first call."""
        for build in self.builds:
            name = f"against-{build.name}"
            if name not in self.bench.urls:
                self.bench.urls[name] = self._migrated(build, self.bench.postgres.database(name))
        return {build.name: self.bench.urls[f"against-{build.name}"] for build in self.builds}

    def sqlite_urls(self) -> dict[str, str]:
        """Return the address of a new SQLite file for each build."""
        files = {build: self.bench.logs / f"against-{build.name}.db" for build in self.builds}
        return {build.name: self._migrated(build, f"sqlite:///{file}") for build, file in files.items()}

    def _migrated(self, build: Build, url: str) -> str:
        build.migrate(environment(url, self.bench.daraja.port))
        return url


@dataclass(frozen=True)
class Load:
    """How much one contestant does in a round, over how many connections, and how often servers restart."""

    requests: int
    connections: int
    starting_connections: int
    restarts: int


def settle_alternately(
    comparison: Comparison,
    urls: Mapping[str, str],
    load: Load,
    floor: Mapping[str, Callable[[int], Sample]] | None = None,
) -> tuple[Samples, Samples]:
    """Start and settle payments with both builds; return the samples of the starts and of the callbacks."""
    rounds = comparison.amounts.rounds
    started: Samples = {}
    settled: Samples = {}
    for _ in range(load.restarts):
        with hosted_sides(comparison.bench, comparison.builds, urls) as sides:
            warm_up(comparison, sides, load)
            extend(started, run_rounds(rounds, {name: _starts(side, load) for name, side in sides.items()}))
            contestants = {name: _settles(side, load) for name, side in sides.items()}
            extend(settled, run_rounds(rounds, {**contestants, **(floor or {})}))
    return started, settled


def warm_up(comparison: Comparison, sides: Mapping[str, Side], load: Load) -> None:
    """Fill pools and caches, and give PostgreSQL the statistics of tables that are not empty."""
    for side in sides.values():
        for _ in range(WARM_UP):
            side.start(load.requests, load.starting_connections)
            side.settle(load.connections)
    for database in (f"against-{name}" for name in sides):
        if database in comparison.bench.urls:
            comparison.bench.postgres.vacuum(database)


def _starts(side: Side, load: Load) -> Callable[[int], Sample]:
    return lambda _: side.start(load.requests, load.starting_connections)


def _settles(side: Side, load: Load) -> Callable[[int], Sample]:
    return lambda _: side.settle(load.connections)


def against_old(path: str, name: str, figure: Figure, samples: Samples, bar: Bar | None = None) -> Row:
    """Return the row of the new build's figure beside the old build's."""
    return compare(path, name, figure, samples, against=OLD, ours=NEW, bar=bar)
