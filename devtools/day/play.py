"""`demo-day`: starts everything, plays the day, waits until all is settled, and compares the books."""

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from devtools.day.acts import Acts
from devtools.day.books import KINDS, differences, ledger_book, record_book
from devtools.day.client import Json, People
from devtools.day.plan import FAULTS, Plan, Size, draw
from devtools.environment import service_environment
from devtools.narration import Narrator
from devtools.place import Place, Ready
from devtools.ports import free_port
from devtools.problems import StepFailed, Stopped
from devtools.processes import Crew
from devtools.programs import process_table, token, verification
from devtools.startup import TOKEN_HOURS, prepare, start
from devtools.stopping import StopRequest

PATIENCE = 600.0
"""Seconds that the last news may take; what is lost twice is asked about again after five minutes."""
LOOK = 3.0
SHOWN = 12
_UNSETTLED = frozenset({"waiting", "pending", "unknown"})
_SETTINGS = {
    "RATELIMIT_ENABLED": "false",  # one caller plays all customers
    "MPESA_QUERIES_PER_MINUTE": "600",
    "PAYOUTS_PER_MINUTE": "600",
    "PAYOUT_APPROVAL_THRESHOLD": "0",
}


def demo_day(seed: int, size: Size | None = None, narrator: Narrator | None = None) -> int:
    """Play the day; return 0, or 128 and the signal's number. Raises LocalProblem when it goes wrong."""
    narrator = narrator or Narrator()
    with StopRequest() as stop:
        try:
            with _everything(narrator, stop) as (ready, crew, approver):
                people = People(ready, approver, stop)
                _Day(ready, crew, people, narrator, stop).play(draw(size or Size(), seed))
        except Stopped as stopped:
            narrator.say("\nStopped before the end.")
            return 128 + stopped.number
    return 0


@contextmanager
def _everything(narrator: Narrator, stop: StopRequest) -> Iterator[tuple[Ready, Crew, str]]:
    with tempfile.TemporaryDirectory(prefix="mpesa-day-") as directory:
        place = Place(Path(directory), free_port(), free_port())
        narrator.say(f"Starting a pair for this day: {place.url}, simulator {place.simulator_url}")
        prepare(place)
        outside = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        with Crew(stop, service_environment(place, outside | _SETTINGS)) as crew:
            ready = start(crew, place, process_table(place))
            [approver] = crew.run_all([token("second-admin", "admin", hours=TOKEN_HOURS)])
            yield ready, crew, approver


class _Day:
    """One day on one pair."""

    def __init__(
        self, ready: Ready, crew: Crew, people: People, narrator: Narrator, stop: StopRequest
    ) -> None:
        self._ready = ready
        self._crew = crew
        self._people = people
        self._narrator = narrator
        self._stop = stop

    def play(self, plan: Plan) -> None:
        """Go through the acts, wait, compare. Raises StepFailed unless the books agree."""
        self._narrator.fact("seed", f"{plan.seed} (SEED={plan.seed} plays the same day again)")
        self._narrator.fact("faults", ", ".join(f"{share:.0%} {name}" for name, share in FAULTS.items()))
        options = {"faults": FAULTS, "seed": plan.seed, "callback_delay": 10, "slow_seconds": 3}
        self._people.simulator("POST", "options", options)
        acts = Acts(plan, self._people, self._narrator)
        for act in (acts.open_the_shop, acts.pay_wages, acts.sell_by_prompt, acts.sell_by_menu):
            act()
            self._crew.check()
        self._wait(acts, "payments settled", self._open_payments)
        acts.give_back(self._payments)
        acts.find_homes()
        self._wait(acts, "everything settled", self._open_everything)
        self._compare(acts)
        self._verify()

    def _wait(self, acts: Acts, name: str, count: Callable[[Acts], int]) -> None:
        """Wait until nothing that M-Pesa knows the end of is open; lost news is asked about in time."""
        self._narrator.step("Waiting for M-Pesa's news; what is lost is asked about")
        deadline, most = time.monotonic() + PATIENCE, max(count(acts), 1)
        with self._narrator.bars(most, name) as show:
            while (waiting := count(acts)) and time.monotonic() < deadline:
                most = max(most, waiting)
                show(name, most - waiting)
                self._crew.check()
                self._stop.pause(LOOK)
            show(name, most - waiting)

    def _payments(self) -> list[Json]:
        lines = self._people.text("operator", "payments/export?format=jsonl").splitlines()
        return [json.loads(line) for line in lines]

    def _open_payments(self, _acts: Acts) -> int:
        """Count debits that no payment's receipt names yet."""
        named = {payment["mpesaReceiptNumber"] for payment in self._payments()}
        debits = self._people.simulator("GET", "ledger")["debits"]
        return sum(debit["receipt"] not in named for debit in debits) + self._prompts_alive()

    def _prompts_alive(self) -> int:
        prompts = self._people.simulator("GET", "prompts")["prompts"]
        return sum(prompt["state"] == "open" for prompt in prompts)

    def _open_everything(self, acts: Acts) -> int:
        refunds = sum(refund["status"] in _UNSETTLED for refund in self._refunds(acts))
        counts = self._people.call("operator", "GET", f"payouts/{acts.begun.batch}")["data"]["rows"]
        waiting = sum(counts[status]["count"] for status in _UNSETTLED if status in counts)
        return self._open_payments(acts) + refunds + int(waiting)

    def _refunds(self, acts: Acts) -> list[Json]:
        found = (self._people.call("operator", "GET", f"{one}/refund")["data"] for one in acts.begun.refunded)
        return [refund for refunds in found for refund in refunds]

    def _payouts(self, acts: Acts) -> list[Json]:
        rows: list[Json] = []
        while True:
            after = f"&after={rows[-1]['row']}" if rows else ""
            page = f"payouts/{acts.begun.batch}/rows?limit=100{after}"
            found = self._people.call("operator", "GET", page)["data"]
            rows += found
            if not found:
                return rows

    def _compare(self, acts: Acts) -> None:
        self._narrator.step("M-Pesa's ledger beside the service's record")
        ledger = ledger_book(self._people.simulator("GET", "ledger"))
        record = record_book(self._payments(), self._refunds(acts), self._payouts(acts))
        books = {"M-Pesa's ledger": ledger.entries, "service's record": record.entries}
        self._narrator.movements(KINDS, books)
        found = differences(ledger, record)
        for sentence in found[:SHOWN]:
            self._narrator.say(f"     {sentence}", "red")
        if found:
            raise StepFailed(f"The books differ in {len(found)} receipts.")
        self._narrator.say("     Both agree, shilling for shilling.", "bold green")

    def _verify(self) -> None:
        self._narrator.step("flask --app wsgi mpesa verify --ledger …")
        [said] = self._crew.run_all([verification(self._ready.simulator_url)])
        self._narrator.say(f"     {said}")
