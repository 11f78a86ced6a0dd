"""Rounds and their figures."""

from collections.abc import Callable

import pytest

from benchmarks.rounds import Sample, compare, extend, median_of, rate, run_rounds, timed
from benchmarks.stats import median_ratio, percentile


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.5, 50.0), (0.99, 99.0), (0.995, 100.0), (1.0, 100.0)]
)
def test_a_percentile_is_one_of_the_values(share: float, expected: float) -> None:
    assert percentile([float(value) for value in range(100, 0, -1)], share) == expected


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)


def test_a_slow_round_cancels_out() -> None:
    assert median_ratio([50.0, 5.0, 50.0], [100.0, 10.0, 100.0]) == 0.5


def test_every_contestant_is_in_every_round_and_each_is_first_once() -> None:
    order: list[tuple[str, int]] = []

    def contestant(name: str) -> Callable[[int], Sample]:
        def measure(number: int) -> Sample:
            order.append((name, number))
            return Sample(1, 1.0)

        return measure

    samples = run_rounds(3, {name: contestant(name) for name in "abc"})
    assert {name: len(found) for name, found in samples.items()} == {"a": 3, "b": 3, "c": 3}
    assert [name for name, _ in order] == list("abc" + "bca" + "cab")
    assert [number for _, number in order] == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_a_sample_has_rates_costs_and_latencies() -> None:
    latencies = tuple(number / 1000 for number in range(1, 101))
    sample = Sample(100, 2.0, cpu=0.05, database_cpu=0.02, latencies=latencies)
    assert (sample.rate, sample.cpu_us, sample.database_us) == (50.0, pytest.approx(500), pytest.approx(200))
    assert (sample.p50, sample.p99) == (pytest.approx(50), pytest.approx(99))


def test_a_comparison_has_medians_and_the_median_of_the_ratios() -> None:
    samples = {
        "service": [Sample(10, 1.0), Sample(30, 1.0), Sample(20, 1.0)],
        "floor": [Sample(20, 1.0), Sample(30, 1.0), Sample(80, 1.0)],
    }
    row = compare("path", "requests/s", rate, samples, against="floor")
    assert (row.ours, row.theirs, row.ratio) == (20.0, 30.0, 0.5)
    assert median_of(samples["floor"], rate) == 30.0


def test_an_act_is_timed_with_its_cpu() -> None:
    sample = timed(lambda: sum(1 for _ in range(200_000)), 200_000)
    assert sample.count == 200_000
    assert sample.seconds > 0
    assert sample.cpu > 0


def test_an_act_that_did_less_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="2 were done, not 3"):
        timed(lambda: 2, 3)


def test_rounds_after_a_restart_are_added() -> None:
    samples = {"service": [Sample(1, 1.0)]}
    extend(samples, {"service": [Sample(2, 1.0)], "floor": [Sample(3, 1.0)]})
    assert {name: [one.count for one in found] for name, found in samples.items()} == {
        "service": [1, 2],
        "floor": [3],
    }
