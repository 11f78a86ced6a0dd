"""What the crash sweep is made of: the warm process, the flows, and recovery without a manual step."""

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from mpesa_service.jobs.table import JOBS, run
from mpesa_service.verification.payments import Tally, Violation, verify
from mpesa_service.verification.simulator_ledger import verify_ledger
from tests.battery.processes import ROOT
from tests.battery.sizes import SEED, figures, sized
from tests.battery.step_runner import Ended, Step
from tests.support import Service

STEPS = (0, 30, 60, 60, 120, 300, 900, 3_600, 21_600, 43_200, 43_200, 86_400)
"""Seconds of time handed in after the crashes: past every lease and every schedule."""
STRIDE = sized({"PostgreSQL": 11, "SQLite": 31}, {"PostgreSQL": 1, "SQLite": 1})
"""One point in so many is tried."""
MANUAL = {"timers": "manual", "auto": "hold", "b2c_auto": "pay", "callback_timeout": 5}
"""Options of the simulator: nothing happens before the test advances the clock."""
MOST_POINTS = 400
MOST_ROUNDS = 2_000


class StepRunner:
    """The warm process, from the outside. `env` is the environment of the next steps."""

    def __init__(self, log: Path) -> None:
        self.env: dict[str, str] = {}
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "tests.battery.step_runner"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )

    def run(self, **step: Any) -> Ended:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(asdict(Step(env=self.env, **step))), file=self._process.stdin, flush=True)
        return Ended(**json.loads(self._process.stdout.readline()))

    def stop(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


@contextmanager
def step_runner(log: Path) -> Iterator[StepRunner]:
    runner = StepRunner(log)
    try:
        yield runner
    finally:
        runner.stop()


@dataclass
class Flow:
    """One step of the service that is killed at every point.

    `prepare` makes what the step works on, a fresh one each time, and returns the step; `retry` is what
    the client does after the crash, in half of the runs; `after` is done after each run. The run without a
    kill passes `least` points or more, among them those around the statements `passes`.
    """

    name: str
    prepare: Callable[[int], dict[str, Any]]
    least: int
    passes: tuple[str, ...]
    retry: Callable[[int], Any] | None = None
    after: Callable[[], object] = lambda: None


@dataclass
class Swept:
    """What a sweep did: runs, the points of the run without a kill, one point in `every` tried, and kills."""

    runs: int
    points: list[str]
    every: int
    killed_at: list[str]


def sweep(service: Service, runner: StepRunner, flow: Flow, stride: int) -> Swept:
    """Kill the flow at its 1st, 2nd, 3rd … point, until a run comes through; then let everything recover.

    A stride of more than one begins at a point drawn from the seed and leaves others out, but never so many
    that fewer than two are left. The first run is not killed: it shows which points there are.
    """
    points = _run(service, runner, flow, 0, retries=False).points
    every = max(1, min(stride, len(points) // 2))
    killed_at: list[str] = []
    runs = 1
    for stop_at in itertools.count(1 + SEED % every, every):
        assert stop_at <= MOST_POINTS, "no end in sight"
        ended = None
        for retries in (False, True) if flow.retry else (False,):
            runs += 1
            ended = _run(service, runner, flow, stop_at, retries=retries)
            if ended.killed:
                killed_at.append(f"{stop_at} {ended.last}")
        if ended is not None and not ended.killed:
            recover(service)
            return Swept(runs, points, every, killed_at)
    raise AssertionError("unreachable")


def _run(service: Service, runner: StepRunner, flow: Flow, stop_at: int, *, retries: bool) -> Ended:
    number = 2 * stop_at + retries
    step = flow.prepare(number)
    ended = runner.run(now=service.clock.now.isoformat(), stop_at=stop_at, **step)
    assert ended.killed or ended.code == 0, (flow.name, stop_at, ended)
    if retries and flow.retry is not None:
        flow.retry(number)
    flow.after()
    return ended


def recover(service: Service) -> None:
    """Let a day and a half pass, the jobs at work; nobody does anything by hand."""
    for seconds in STEPS:
        service.simulator.post("/simulator/clock/advance", {"seconds": seconds})
        service.clock.advance(seconds)
        for job in JOBS:
            run_until_idle(service, job.name)


def run_until_idle(service: Service, name: str) -> None:
    [job] = [job for job in JOBS if job.name == name]
    for _ in range(MOST_ROUNDS):
        if run(service.runtime, job) == 0:
            return
    raise AssertionError(f"the job {name} has always something to do")


def forget_token(service: Service) -> None:
    """Make the next step fetch an access token, so that it can be killed while it does."""
    with service.runtime.database.begin() as session:
        session.execute(text("DELETE FROM daraja_tokens"))


def swept(
    service: Service, runner: StepRunner, flow: Flow, finish: Callable[[], object] = lambda: None
) -> None:
    """Sweep the flow, do what a person does at the end (`finish`), and judge the books."""
    database = "SQLite" if service.runtime.database.is_sqlite else "PostgreSQL"
    done = sweep(service, runner, flow, STRIDE[database])
    finish()
    tally = Tally()
    violations: list[Violation] = list(verify(service.runtime, tally))
    violations += verify_ledger(service.runtime, service.ledger(), settled=True, tally=tally)
    statuses: dict[str, int] = {}
    for payment in service.payments():
        statuses[payment.status] = statuses.get(payment.status, 0) + 1
    figures(
        f"crash sweep: {flow.name}, {database}",
        points=len(done.points),
        every=done.every,
        runs=done.runs,
        kills=len(done.killed_at),
        statuses=statuses,
        checked=dict(tally.counts),
        violations=len(violations),
    )
    assert _not_passed(flow, database, done.points) == [], done.points
    assert len(done.points) >= flow.least, done.points
    assert done.killed_at
    assert violations == [], (done.killed_at, violations)
    assert all(payment.status not in {"submitting", "pending", "unknown"} for payment in service.payments())
    assert all(refund.status not in {"submitting", "pending", "unknown"} for refund in service.refunds())


def _not_passed(flow: Flow, database: str, points: list[str]) -> list[str]:
    """Return what the flow must pass and did not. On SQLite, each flow has a transaction that writes."""
    ends = ("BEGIN IMMEDIATE", "COMMIT") if database == "SQLite" else ()
    expected = [(side, name) for name in (*ends, *flow.passes) for side in ("before ", "after ")]
    return [
        side + name
        for side, name in expected
        if not any(point.startswith(side) and name in point for point in points)
    ]


def leases_end(service: Service, job: str, seconds: float = 91) -> None:
    """Let the killed one's lease run out and its work be done, so that each run has only its own.

    Else the next child takes the oldest work first, and one refund is killed six times in a row: its
    schedule is used up by then.
    """
    service.simulator.post("/simulator/clock/advance", {"seconds": seconds})
    service.clock.advance(seconds)
    run_until_idle(service, job)
