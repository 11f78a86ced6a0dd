"""Rounds: contestants are measured alternately, so that noise affects all of them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

from benchmarks.bars import Bar, Row
from benchmarks.stats import median_ratio, percentile


@dataclass(frozen=True)
class Sample:
    """The result of one contestant in a round. CPU is in seconds, of its processes and of the database."""

    count: int
    seconds: float
    cpu: float = 0.0
    database_cpu: float = 0.0
    latencies: tuple[float, ...] = field(default=(), repr=False)

    @property
    def rate(self) -> float:
        return self.count / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU microseconds of the web processes per request."""
        return self.cpu / self.count * 1e6

    @property
    def database_us(self) -> float:
        return self.database_cpu / self.count * 1e6

    @property
    def p99(self) -> float:
        """The 99th percentile of the latencies, in milliseconds."""
        return percentile(self.latencies, 0.99) * 1e3

    @property
    def p50(self) -> float:
        return percentile(self.latencies, 0.5) * 1e3


Figure = Callable[[Sample], float]
Samples = dict[str, list[Sample]]


def run_rounds(rounds: int, contestants: Mapping[str, Callable[[int], Sample]]) -> Samples:
    """Call every contestant once in each round; the first one changes from round to round."""
    names = list(contestants)
    samples: Samples = {name: [] for name in names}
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            samples[name].append(contestants[name](number))
    return samples


def timed(act: Callable[[], int], expected: int) -> Sample:
    """Return the sample of an act, with this process's CPU; raise RuntimeError if it is not `expected`."""
    started, cpu = time.perf_counter(), time.process_time()
    count = act()
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    if count != expected:
        raise RuntimeError(f"{count} were done, not {expected}")
    return Sample(count, seconds, cpu)


def median_of(samples: list[Sample], figure: Figure) -> float:
    return median(figure(sample) for sample in samples)


def compare(
    path: str,
    name: str,
    figure: Figure,
    samples: Samples,
    *,
    against: str,
    bar: Bar | None = None,
    ours: str = "service",
) -> Row:
    """Return the row with our `figure` beside another contestant's."""
    mine, others = samples[ours], samples[against]
    ratio = median_ratio([figure(s) for s in mine], [figure(s) for s in others])
    return Row(path, name, median_of(mine, figure), against, median_of(others, figure), ratio, bar)


def extend(samples: Samples, more: Samples) -> None:
    """Add the rounds of `more` to each contestant's."""
    for name, found in more.items():
        samples.setdefault(name, []).extend(found)


def cost(sample: Sample) -> float:
    """Return CPU microseconds per request, of the web processes and the database together."""
    return sample.cpu_us + sample.database_us


def rate(sample: Sample) -> float:
    return sample.rate


def cpu_us(sample: Sample) -> float:
    return sample.cpu_us


def database_us(sample: Sample) -> float:
    return sample.database_us


def p99(sample: Sample) -> float:
    return sample.p99
