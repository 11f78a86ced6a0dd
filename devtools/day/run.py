"""`demo-day`: starts a stack, runs the day, waits until everything is settled, and compares the records."""

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from devtools.console_output import ConsoleOutput
from devtools.day.client import DayClient, Json
from devtools.day.comparison import KINDS, differences, ledger_movements, record_movements
from devtools.day.plan import FAULTS, Plan, Size, draw
from devtools.day.second_source import SecondSources, unreported_payments
from devtools.day.steps import DaySteps
from devtools.environment import service_environment
from devtools.errors import StepFailed, Stopped
from devtools.paths import LocalPaths
from devtools.ports import free_port
from devtools.programs import process_table, token, verification
from devtools.running_stack import RunningStack
from devtools.startup import TOKEN_HOURS, prepare, start
from devtools.stop_request import StopRequest
from devtools.supervisor import Supervisor

SETTLEMENT_TIMEOUT = 600.0
"""Seconds for the last result. The service repeats a lost inquiry after five minutes."""
POLL_INTERVAL = 3.0
MOST_SHOWN = 12
_OPEN = frozenset({"waiting", "pending", "unknown"})
_SETTINGS = {
    "RATELIMIT_ENABLED": "false",  # one caller acts for all customers
    "MPESA_QUERIES_PER_MINUTE": "600",
    "PAYOUTS_PER_MINUTE": "600",
    "PAYOUT_APPROVAL_THRESHOLD": "0",
    "APPROVAL_PER_MAKER_DAY": "10000000",  # one admin acts for the whole shop
    "MPESA_PULL": "true",
    "MPESA_PULL_PHONE": "254711000001",
}


def demo_day(seed: int, size: Size | None = None, output: ConsoleOutput | None = None) -> int:
    """Run the day. Return 0, or 128 plus the number of the signal that stopped it. Raises DevtoolsError."""
    output = output or ConsoleOutput()
    with StopRequest() as stop:
        try:
            with _stack(output, stop) as (stack, supervisor, approver, directory):
                client = DayClient(stack, approver, stop)
                _Day(stack, supervisor, client, output, stop).run(draw(size or Size(), seed), directory)
        except Stopped as stopped:
            output.line("\nStopped before the end.")
            return 128 + stopped.number
    return 0


@contextmanager
def _stack(output: ConsoleOutput, stop: StopRequest) -> Iterator[tuple[RunningStack, Supervisor, str, Path]]:
    with tempfile.TemporaryDirectory(prefix="mpesa-day-") as directory:
        paths = LocalPaths(Path(directory), free_port(), free_port())
        output.line(
            f"Starting a service for this day on {paths.url}, with a simulator on {paths.simulator_url}"
        )
        prepare(paths)
        inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        with Supervisor(stop, service_environment(paths, inherited | _SETTINGS)) as supervisor:
            stack = start(supervisor, paths, process_table(paths))
            [approver] = supervisor.run_all([token("second-admin", "admin", hours=TOKEN_HOURS)])
            yield stack, supervisor, approver, paths.directory


class _Day:
    """One day on one stack."""

    def __init__(
        self,
        stack: RunningStack,
        supervisor: Supervisor,
        client: DayClient,
        output: ConsoleOutput,
        stop: StopRequest,
    ) -> None:
        self._stack = stack
        self._supervisor = supervisor
        self._client = client
        self._output = output
        self._stop = stop
        self._sources = SecondSources(client, self._command, self._known, output, stop)

    def run(self, plan: Plan, directory: Path) -> None:
        """Run the steps, wait, and compare. Raises StepFailed unless the ledger and the record agree."""
        self._output.value("seed", f"{plan.seed} (SEED={plan.seed} repeats this day)")
        self._output.value("faults", ", ".join(f"{share:.0%} {name}" for name, share in FAULTS.items()))
        options = {"faults": FAULTS, "seed": plan.seed, "callback_delay": 10, "slow_seconds": 3}
        self._client.simulator("POST", "options", options)
        steps = DaySteps(plan, self._client, self._output)
        for step in (
            steps.register,
            self._sources.register,
            steps.send_payouts,
            steps.take_stk_payments,
            lambda: steps.take_c2b_payments("morning", plan.morning),
            self._sources.pull,
        ):
            step()
            self._supervisor.check()
        self._wait(steps, "payments settled", self._open_payments)
        steps.refund(self._payments)
        steps.resolve_unmatched()
        self._wait(steps, "everything settled", self._open_everything)
        steps.take_c2b_payments("evening", plan.evening)
        self._wait(steps, "payments settled", self._open_payments)
        self._sources.import_statement(self._stack.simulator_url, directory)
        self._sources.summary()
        self._compare(steps)
        self._verify()

    def _wait(self, steps: DaySteps, name: str, count: Callable[[DaySteps], int]) -> None:
        """Wait until nothing is open whose outcome M-Pesa knows."""
        self._output.step("Waiting for M-Pesa's results; the worker queries Daraja about lost callbacks")
        deadline, most = time.monotonic() + SETTLEMENT_TIMEOUT, max(count(steps), 1)
        with self._output.progress(most, name) as show:
            while (waiting := count(steps)) and time.monotonic() < deadline:
                most = max(most, waiting)
                show(name, most - waiting)
                self._supervisor.check()
                self._stop.pause(POLL_INTERVAL)
            show(name, most - waiting)

    def _payments(self) -> list[Json]:
        lines = self._client.text("operator", "payments/export?format=jsonl").splitlines()
        return [json.loads(line) for line in lines]

    def _known(self) -> set[str]:
        return {payment["mpesaReceiptNumber"] for payment in self._payments()}

    def _open_payments(self, _steps: DaySteps) -> int:
        """Count the debits whose receipt no payment has yet, and the open prompts.

        A debit about which every message is lost does not count: it waits for a second source.
        """
        ledger = self._client.simulator("GET", "ledger")
        named = self._known() | unreported_payments(ledger)
        return sum(debit["receipt"] not in named for debit in ledger["debits"]) + self._open_prompts()

    def _command(self, command: tuple[str, ...]) -> str:
        [printed] = self._supervisor.run_all([command])
        return printed

    def _open_prompts(self) -> int:
        prompts = self._client.simulator("GET", "prompts")["prompts"]
        return sum(prompt["state"] == "open" for prompt in prompts)

    def _open_everything(self, steps: DaySteps) -> int:
        refunds = sum(refund["status"] in _OPEN for refund in self._refunds(steps))
        counts = self._client.call("operator", "GET", f"payouts/{steps.started.batch}")["data"]["rows"]
        waiting = sum(counts[status]["count"] for status in _OPEN if status in counts)
        return self._open_payments(steps) + refunds + int(waiting)

    def _refunds(self, steps: DaySteps) -> list[Json]:
        found = (
            self._client.call("operator", "GET", f"{one}/refund")["data"] for one in steps.started.refunded
        )
        return [refund for refunds in found for refund in refunds]

    def _payouts(self, steps: DaySteps) -> list[Json]:
        rows: list[Json] = []
        while True:
            after = f"&after={rows[-1]['row']}" if rows else ""
            page = f"payouts/{steps.started.batch}/rows?limit=100{after}"
            found = self._client.call("operator", "GET", page)["data"]
            rows += found
            if not found:
                return rows

    def _compare(self, steps: DaySteps) -> None:
        self._output.step("M-Pesa's ledger and the service's record")
        ledger = ledger_movements(self._client.simulator("GET", "ledger"))
        record = record_movements(self._payments(), self._refunds(steps), self._payouts(steps))
        movements = {"M-Pesa's ledger": ledger.entries, "service's record": record.entries}
        self._output.totals_by_kind(KINDS, movements)
        found = differences(ledger, record)
        for sentence in found[:MOST_SHOWN]:
            self._output.line(f"     {sentence}", "red")
        if found:
            raise StepFailed(f"The ledger and the record differ in {len(found)} receipts.")
        self._output.success("The ledger and the record agree.")

    def _verify(self) -> None:
        self._output.step("mpesa verify --ledger …")
        self._output.line(f"     {self._command(verification(self._stack.simulator_url))}")
