"""The second sources of the day's money: a pull in the course of the day, and the statement at its end."""

from collections.abc import Callable, Mapping
from pathlib import Path

import requests

from devtools.console_output import ConsoleOutput
from devtools.day.client import DayClient, Json
from devtools.errors import StepFailed, TaskFailed
from devtools.programs import pull_registration, pull_run, statement_import
from devtools.startup import local_session
from devtools.stop_request import StopRequest

CONFIRMATION, CALLBACK = "c2b_confirmation", "stk"
BY = "second-admin"
STATEMENT = "statement?shape=A&format=csv"
PULL_TRIES = 3
PULL_PAUSE = 3.0
"""Seconds. The worker may pull at the same moment, and two pulls never run together."""
TIMEOUT = 60.0

RunCommand = Callable[[tuple[str, ...]], str]
"""Runs a command of the operator and returns its output. Raises TaskFailed."""


class SecondSources:
    """Uses the second sources, and counts the payments that each of them finds."""

    def __init__(
        self,
        client: DayClient,
        run: RunCommand,
        known: Callable[[], set[str]],
        output: ConsoleOutput,
        stop: StopRequest,
    ) -> None:
        """Make the sources. `known` returns the receipts that the service knows."""
        self._client = client
        self._run = run
        self._known = known
        self._output = output
        self._stop = stop
        self._by_statement: set[str] = set()

    def register(self) -> None:
        """Register the shortcode for pulls."""
        self._output.value("pulls", self._run(pull_registration(BY)))

    def pull(self) -> None:
        """Fetch what M-Pesa received, through the operator's command."""
        self._output.step("Some confirmations are lost. The operator fetches the money: mpesa pull run")
        self._use("pulls (the operator's and the worker's)", self._pull)

    def import_statement(self, simulator_url: str, directory: Path) -> None:
        """Download the portal's statement of the day, and apply it through the operator's command."""
        self._output.step("The operator imports the day's statement: mpesa statements import … --apply")
        path = directory / "statement.csv"
        path.write_bytes(_download(f"{simulator_url}/simulator/{STATEMENT}"))
        self._by_statement = self._use("the statement", lambda: self._run(statement_import(path, BY)))

    def summary(self) -> None:
        """Print what was lost, and which source found it."""
        ledger = self._client.simulator("GET", "ledger")
        lost, odd = lost_confirmations(ledger), odd_confirmations(ledger)
        self._output.step("What M-Pesa did not report, and what found it")
        self._output.value("odd bytes", f"{odd} confirmations had odd bytes; the service read their money")
        self._output.value("lost", f"{len(lost)} confirmations ({_kes(lost)}) never reached the service")
        silent = unreported_payments(ledger)
        words = (
            f"{len(lost.keys() - silent)} by the callback of the prompt",
            f"{len(silent - self._by_statement)} by pulls (the operator's, and the worker's)",
            f"{len(silent & self._by_statement)} by the statement",
        )
        self._output.value("found", ", ".join(words))

    def not_known(self) -> dict[str, int]:
        """Return the amounts of payments whose confirmation was lost and that the service does not know."""
        known = self._known()
        lost = lost_confirmations(self._client.simulator("GET", "ledger"))
        return {receipt: amount for receipt, amount in lost.items() if receipt not in known}

    def _use(self, name: str, use: Callable[[], str]) -> set[str]:
        """Use a source; return the receipts that it found."""
        before = self.not_known()
        self._output.value("not known", f"{len(before)} payments ({_kes(before)}), because of lost messages")
        for line in use().splitlines():
            self._output.line(f"     {line}")
        after = self.not_known()
        found = {receipt: amount for receipt, amount in before.items() if receipt not in after}
        self._output.value("found", f"{name} found {len(found)} of them ({_kes(found)})")
        return set(found)

    def _pull(self) -> str:
        for _ in range(PULL_TRIES - 1):
            try:
                return self._run(pull_run(BY))
            except TaskFailed:
                self._stop.pause(PULL_PAUSE)
        return self._run(pull_run(BY))


def lost_confirmations(ledger: Json) -> dict[str, int]:
    """Return the amounts of the payments whose confirmation is lost, by receipt."""
    amounts = {debit["receipt"]: debit["amount"] for debit in ledger["debits"]}
    lost = (one for one in ledger["withheld"] if (one["kind"], one["reason"]) == (CONFIRMATION, "lost"))
    receipts = (one["body"]["TransID"] for one in lost)
    return {receipt: amounts[receipt] for receipt in receipts}


def unreported_payments(ledger: Json) -> set[str]:
    """Return the receipts of the payments about which every message of M-Pesa is lost.

    The callback of a prompt names the receipt, too.
    """
    silent = {one["id"] for one in ledger["withheld"] if (one["kind"], one["reason"]) == (CALLBACK, "lost")}
    reported = {
        debit["receipt"]
        for debit in ledger["debits"]
        if debit["kind"] == "stk" and debit["checkoutRequestId"] not in silent
    }
    return set(lost_confirmations(ledger)) - reported


def odd_confirmations(ledger: Json) -> int:
    """Return how many confirmations had odd bytes."""
    return len({one["body"]["TransID"] for one in ledger["callbacks"] if "odd" in one})


def _download(url: str) -> bytes:
    with local_session() as session:
        try:
            answer = session.get(url, timeout=TIMEOUT)
            answer.raise_for_status()
        except requests.RequestException as error:
            raise StepFailed(f"The statement could not be downloaded: {error}") from error
        return answer.content


def _kes(amounts: Mapping[str, int]) -> str:
    return f"KES {sum(amounts.values()):,}"
