"""The whole service as it is deployed: gunicorn with two workers, the job runner, and the simulator."""

import os
import random
import sys
import time
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import Select, func, select
from sqlalchemy.exc import OperationalError

from daraja_simulator.options import SANDBOX_INITIATOR_PASSWORD
from devtools.ports import free_port
from mpesa_service.app import build_app
from mpesa_service.config import load_settings
from mpesa_service.core.runtime import build_runtime
from mpesa_service.domain.callbacks import MAX_ATTEMPTS, InboxVerdict
from mpesa_service.domain.payout_batches import PAYOUT_UNFINISHED
from mpesa_service.domain.states import OPEN, REFUND_OPEN, PaymentStatus, PayoutStatus
from mpesa_service.models import CallbackInbox, Payment, Payout, Refund
from mpesa_service.verification.payments import Tally, Violation, verify
from mpesa_service.verification.simulator_ledger import verify_ledger
from mpesa_service.web.auth import make_token
from tests.battery.clocks import SharedClock
from tests.battery.processes import Child, kill_one, wait_for
from tests.battery.sizes import SEED
from tests.support import environment

STEPS = (15, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200)
"""Seconds of time handed in, at least, one after the other and the last again and again."""
ROUNDS = 40
QUERIED: dict[Any, Any] = {Payment: OPEN, Refund: REFUND_OPEN, Payout: PAYOUT_UNFINISHED}
"""What may be open, and which states that is."""
LONGEST_ROUND = 1_200.0
PAUSE = 2.0
"""Real seconds that a round gives the jobs, at most, to begin payouts."""


class Stack:
    """One deployment and the test's own eyes on its database; `clock` is everybody's."""

    def __init__(
        self, directory: Path, database_url: str, simulator: Mapping[str, Any], env: Mapping[str, str]
    ) -> None:
        self._pids = directory / "pids"
        self._pids.mkdir()
        self.url, self.simulator_url = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        certificate = directory / "certificate.pem"
        self._env = self._environment(directory, database_url, certificate, env)
        self.clock = SharedClock(directory / "clock")
        settings = load_settings(self._env)
        self.runtime = build_runtime(settings, self.clock)
        self._app = build_app(settings, self.runtime)
        python = (sys.executable, "-W", "ignore", "-m")
        options = {"seed": SEED, **simulator}
        self.simulator = Child(
            [
                *python,
                "daraja_simulator",
                *("--port", self.simulator_url.rpartition(":")[2]),
                *(word for name, value in options.items() for word in ("--set", f"{name}={value}")),
            ],
            os.environ,
            directory / "simulator.log",
        )
        self.web = Child(
            [*python, "gunicorn", "-c", "gunicorn.conf.py", "tests.battery.app:app"],
            self._env,
            directory / "web.log",
        )
        self.jobs = Child(
            [
                *(*python, "celery", "-A", "tests.battery.worker", "worker", "--beat", "--pool", "threads"),
                *("--concurrency", "4", "--without-gossip", "--without-mingle", "--without-heartbeat"),
            ],
            self._env,
            directory / "jobs.log",
        )
        self._certificate = certificate

    def _environment(
        self, directory: Path, database_url: str, certificate: Path, changes: Mapping[str, str]
    ) -> dict[str, str]:
        return {
            **os.environ,
            **environment(
                BATTERY_CLOCK=str(directory / "clock"),
                BATTERY_PIDS=str(self._pids),
                BIND=self.url.removeprefix("http://"),
                CELERY_BROKER_URL=f"filesystem://{directory / 'broker'}",
                DATABASE_POOL_SIZE="16",
                DATABASE_URL=database_url,
                LOG_LEVEL="WARNING",
                MPESA_BASE_URL=self.simulator_url,
                MPESA_CALLBACK_URL=f"{self.url}/api/mpesa/callback",
                MPESA_CERTIFICATE_PATH=str(certificate),
                MPESA_INITIATOR_PASSWORD=SANDBOX_INITIATOR_PASSWORD,
                MPESA_QUERIES_PER_MINUTE="600000",
                MPESA_READ_TIMEOUT="2",
                WEB_CONCURRENCY="1" if database_url.startswith("sqlite") else "2",
            ),
            **changes,
        }

    def start(self) -> None:
        self.simulator.start()
        wait_for(lambda: self._answers(f"{self.simulator_url}/simulator/health"), "the simulator")
        self._certificate.write_text(
            requests.get(f"{self.simulator_url}/simulator/certificate", timeout=10).text
        )
        self.web.start()
        self.jobs.start()
        wait_for(lambda: self._answers(f"{self.url}/readyz"), "the service")

    def _answers(self, url: str) -> bool:
        try:
            return requests.get(url, timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def stop(self) -> None:
        """Kill everything, and close the database."""
        for child in (self.jobs, self.web, self.simulator):
            child.kill()
        self.runtime.database.dispose()
        self.clock.close()

    def token(self, subject: str, *roles: str) -> str:
        return make_token(self._app, subject, list(roles), timedelta(hours=2))

    def control(self, path: str, body: Any = None) -> Any:
        """Call the simulator's control API: GET without a body, else POST."""
        call = requests.get if body is None else requests.post
        arguments = {} if body is None else {"json": body}
        answer = call(f"{self.simulator_url}/simulator{path}", timeout=120, **arguments)
        answer.raise_for_status()
        return answer.json()

    def kill_a_web_worker(self, chance: random.Random) -> bool:
        """Kill one of gunicorn's workers; return whether there was one."""
        alive = sorted(self._pids.iterdir())
        if not alive:
            return False
        chosen = chance.choice(alive)
        chosen.unlink()
        return kill_one(int(chosen.name))

    def kill_the_web_master(self, orphaned: float) -> None:
        """Kill gunicorn's master; after some seconds do as a supervisor does: end its group, start again."""
        self.web.kill_master()
        time.sleep(orphaned)
        self.web.kill()
        for pid in self._pids.iterdir():
            pid.unlink()
        self.web.start()

    def restart_jobs(self) -> None:
        self.jobs.kill()
        self.jobs.start()

    def advance(self, seconds: float) -> None:
        """Let time pass for M-Pesa, and then for the service."""
        self.control("/clock/advance", {"seconds": seconds})
        self.clock.advance(seconds)

    def settle(self) -> int:
        """Advance time until nothing is open and nothing is due; return the number of rounds."""
        for number in range(ROUNDS):
            wait_for(lambda: self._nothing_is_due(), "the jobs to do what is due", LONGEST_ROUND)
            if not self._waiting():
                self.advance(1_200)  # callbacks that are later than everything else
                wait_for(lambda: self._nothing_is_due(), "the jobs to do what is due", LONGEST_ROUND)
                if not self._waiting():
                    return number
            self._let_the_jobs_begin_payouts()
            self.advance(max(STEPS[min(number, len(STEPS) - 1)], self._seconds_to_next()))
        raise AssertionError(f"not settled at {self.clock():%H:%M:%S}, still open: {self._open()}")

    def _open(self) -> list[str]:
        """Describe what is still open, for a failure's message."""
        with self.runtime.database.read() as session:
            return [
                f"{table.__name__} {row.id} {row.status}, next check {row.next_check_at}"
                for table, states in QUERIED.items()
                for row in session.scalars(
                    select(table).where(table.next_check_at.is_not(None) | table.status.in_(states))
                )
            ]

    def _nothing_is_due(self) -> bool:
        now = self.clock()
        failed = select(func.count()).where(
            CallbackInbox.verdict == InboxVerdict.FAILED, CallbackInbox.attempts < MAX_ATTEMPTS
        )
        due = [select(func.count()).where(table.next_check_at <= now) for table in QUERIED]
        try:
            return not any(self._count(statement) for statement in [failed, *due])
        except OperationalError:
            return False

    def _let_the_jobs_begin_payouts(self) -> None:
        """Wait until one fewer payout waits; a limit or a suspension may stop them all, so only for a while.

        A waiting payout has no time at which it is due: all rounds could pass before the job runs once.
        """
        waiting = select(func.count()).where(Payout.status == PayoutStatus.WAITING)
        before, deadline = self._count(waiting), time.monotonic() + PAUSE
        while before and self._count(waiting) >= before and time.monotonic() < deadline:
            time.sleep(0.1)

    def _waiting(self) -> int:
        return sum(
            self._count(
                select(func.count()).where(table.next_check_at.is_not(None) | table.status.in_(states))
            )
            for table, states in QUERIED.items()
        )

    def _seconds_to_next(self) -> float:
        with self.runtime.database.read() as session:
            times = [session.scalar(select(func.min(table.next_check_at))) for table in QUERIED]
        now = self.clock()
        return min(((at - now).total_seconds() for at in times if at is not None), default=0.0)

    def _count(self, statement: Select[tuple[int]]) -> int:
        with self.runtime.database.read() as session:
            return session.scalar(statement) or 0

    def statuses(self) -> dict[str, int]:
        """Return how many payments there are in each status."""
        statement = select(Payment.status, func.count().label("number")).group_by(Payment.status)
        with self.runtime.database.read() as session:
            return {row.status: row.number for row in session.execute(statement)}

    def reasons_for_review(self) -> Counter[str]:
        statement = select(Payment.failure_reason).where(Payment.status == PaymentStatus.REVIEW)
        with self.runtime.database.read() as session:
            return Counter(str(reason) for reason in session.scalars(statement))

    def audit(self) -> tuple[list[Violation], Tally]:
        """Check every rule, with the simulator's ledger."""
        tally = Tally()
        found = list(verify(self.runtime, tally))
        found += verify_ledger(self.runtime, self.control("/ledger"), settled=True, tally=tally)
        return found, tally
