"""Processes: CPU until the first answer, memory at rest and after load, and CPU of the commands' help."""

import resource
from collections.abc import Callable
from statistics import median

from benchmarks.against.builds import Build
from benchmarks.against.comparison import NEW, OLD, Comparison, against_old
from benchmarks.against.sides import Side, get
from benchmarks.bars import Bar, Row, at_most
from benchmarks.bench import CONNECTIONS
from benchmarks.rounds import Sample, Samples, run_rounds
from benchmarks.service import environment

START = "start of the server"
HELP = "help of the operator commands"
MEMORY = "memory of a web worker"
BATCH = 640
"""Callbacks that are posted at a time before the memory is read."""


def start(comparison: Comparison) -> list[Row]:
    """Start each server and request /readyz; read the CPU of all its processes up to the answer."""
    samples = _play_warm(comparison, _starts)
    return [against_old(START, "CPU ms to the first answer", _cpu_ms, samples, at_most(0.8))]


def _starts(comparison: Comparison, build: Build) -> Callable[[int], Sample]:
    env = environment(comparison.postgres_urls()[build.name], comparison.bench.daraja.port)

    def measure(_: int) -> Sample:
        with build.serve(env, comparison.bench.logs) as server:
            get(server, "/readyz")
            return Sample(1, 1.0, cpu=server.cpu())

    return measure


def commands_help(comparison: Comparison) -> list[Row]:
    """Print the help of the operator commands, with the service's settings in the environment."""
    samples = _play_warm(comparison, _helps)
    return [against_old(HELP, "CPU ms", _cpu_ms, samples, at_most(0.4))]


def _helps(comparison: Comparison, build: Build) -> Callable[[int], Sample]:
    env = environment(comparison.postgres_urls()[build.name], comparison.bench.daraja.port)

    def measure(_: int) -> Sample:
        before = _children_cpu()
        text = build.run(build.help_command(), env)
        if "payments" not in text:
            raise RuntimeError(f"{build.name} printed no help: {text}")
        return Sample(1, 1.0, cpu=_children_cpu() - before)

    return measure


def memory(comparison: Comparison) -> list[Row]:
    """Read the memory of the largest process after its first answer, and after a load of callbacks."""
    amounts = comparison.amounts
    at_rest: dict[str, list[float]] = {NEW: [], OLD: []}
    loaded: dict[str, list[float]] = {NEW: [], OLD: []}
    for _ in range(amounts.memory_restarts):
        for build in comparison.builds:
            before, after = _memory(comparison, build)
            at_rest[build.name].append(before)
            loaded[build.name].append(after)
    load = f"{amounts.memory_callbacks:,} callbacks, {CONNECTIONS} at once"
    return [
        _limit("MiB at rest", at_rest, at_most(96)),
        _limit(f"MiB after {load}", loaded, at_most(105)),
    ]


def _memory(comparison: Comparison, build: Build) -> tuple[float, float]:
    """Return MiB at rest and after the load; another server starts the payments."""
    bench, batches = comparison.bench, comparison.amounts.memory_callbacks // BATCH
    env = environment(comparison.postgres_urls()[build.name], bench.daraja.port)
    with build.serve(env, bench.logs) as starter:
        side = Side(bench, starter)
        for _ in range(batches):
            side.start(BATCH, CONNECTIONS)
    with build.serve(env, bench.logs) as server:
        get(server, "/readyz")
        before = server.memory()
        loaded = Side(bench, server, side.callbacks, side.checkout_ids)
        for _ in range(batches):
            loaded.settle(CONNECTIONS)
        return before, server.memory()


def _play_warm(
    comparison: Comparison, measure: Callable[[Comparison, Build], Callable[[int], Sample]]
) -> Samples:
    """Return the samples of each build, without its first: that one compiles the source."""
    contestants = {build.name: measure(comparison, build) for build in comparison.builds}
    samples = run_rounds(1 + comparison.amounts.starts, contestants)
    return {name: found[1:] for name, found in samples.items()}


def _limit(name: str, found: dict[str, list[float]], bar: Bar) -> Row:
    """Return a row whose bar is about the new build's figure itself."""
    new, old = median(found[NEW]), median(found[OLD])
    return Row(MEMORY, name, new, OLD, old, new, bar)


def _cpu_ms(sample: Sample) -> float:
    return sample.cpu * 1e3


def _children_cpu() -> float:
    """Return the CPU seconds of this process's children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
