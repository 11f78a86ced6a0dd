"""Fault injection: faults with rates, and one-shot scripts.

Every fault has its own random generator, seeded with the seed and the fault's name. A seed therefore
repeats a run, and one fault's rate does not change when the others occur. A prefix limits a fault to one
operation, or to all commands: `stk_push.error_5xx`, `commands.waiting_first`.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from daraja_simulator.errors import ControlError
from daraja_simulator.money import Money
from daraja_simulator.scripts import Script

COMMANDS = ("b2c", "b2pochi", "b2b", "reversal", "transaction_status", "account_balance")
GROUP = "commands"
"""The prefix that limits a fault to all commands."""

PULLS = ("pull_register", "pull_query")
REQUESTS = ("oauth", "stk_push", "stk_query", *COMMANDS, "c2b_register", "c2b_simulate", *PULLS)
OPERATIONS = (*REQUESTS, "c2b")
"""The requests, and `c2b`: every C2B payment, from the API, the control API or the phone page."""

FAULTS: dict[str, str] = {
    "refused_before": "closes the connection at once; the request is not processed",
    "timeout_before": "closes the connection after stall_seconds; the request is not processed",
    "token_refused": "reports a valid token as invalid",
    "spike_arrest": "responds with a rate limit error; the request is not processed",
    "error_5xx": "responds with 500, 502, 503 or 504; the request is not processed",
    "error_5xx_after": "responds with 500, 502, 503 or 504 after processing the request",
    "answer_lost": "processes the request, then closes the connection without a response",
    "garbled": "processes the request; the response is HTML, empty, truncated, wrongly typed or huge",
    "slow": "processes the request; the response is slow_seconds late",
    "callback_lost": "the callback is never sent",
    "callback_doubled": "the callback is sent twice at the same time",
    "callback_delayed": "the callback is sent callback_delay seconds late",
    "callback_before_answer": "the callback is delivered before the HTTP response",
    "confirmation_lost": "the C2B confirmation is never sent",
    "confirmation_doubled": "the C2B confirmation is sent twice at the same time",
    "confirmation_delayed": "the C2B confirmation is sent callback_delay seconds late",
    "confirmation_first": "the C2B confirmation of an STK payment is sent before its callback",
    "odd_bytes": "the C2B confirmation has odd bytes, but states the money clearly",
    "callback_without_merchant_id": "the STK callback has no MerchantRequestID",
    "callback_without_metadata": "the callback of a paid push has no CallbackMetadata",
    "waiting_first": "a message with ResultType 1 comes waiting_seconds before a command's result",
    "late_success": "reports 1037 (commands: a queue time-out); the money moves late_after seconds later",
    "queue_timeout": "posts the command to QueueTimeOutURL and does not execute it",
    "reversal_spent": "a reversal fails with 1, as if the shop had spent the money",
    "amount_differs": "the callback reports a wrong amount",
    "phone_differs": "the callback reports a wrong phone number",
    "query_contradicts": "the query reports the opposite of the callback",
    "query_forgets": "the query reports that the transaction does not exist",
}
"""Every fault by name, in the order in which the simulator draws them."""

_STK, _QUERY = frozenset({"stk_push"}), frozenset({"stk_query"})
_WITH_CALLBACK = _STK | frozenset(COMMANDS)
_MOVES_MONEY = _WITH_CALLBACK - {"transaction_status", "account_balance"}
_WITH_CONFIRMATION = _STK | {"c2b"}
_APPLIES_TO: dict[str, frozenset[str]] = {
    "token_refused": frozenset(REQUESTS) - {"oauth"},
    "callback_lost": _WITH_CALLBACK,
    "callback_doubled": _WITH_CALLBACK,
    "callback_delayed": _WITH_CALLBACK,
    "callback_before_answer": _WITH_CALLBACK | {"c2b_simulate"},
    "confirmation_lost": _WITH_CONFIRMATION,
    "confirmation_doubled": _WITH_CONFIRMATION,
    "confirmation_delayed": _WITH_CONFIRMATION,
    "confirmation_first": _STK,
    "odd_bytes": _WITH_CONFIRMATION,
    "callback_without_merchant_id": _STK,
    "callback_without_metadata": _STK,
    "waiting_first": frozenset(COMMANDS),
    "late_success": _MOVES_MONEY,
    "queue_timeout": frozenset(COMMANDS),
    "reversal_spent": frozenset({"reversal"}),
    "amount_differs": _MOVES_MONEY | {"c2b"},
    "phone_differs": _STK,
    "query_contradicts": _QUERY | _STK,
    "query_forgets": _QUERY,
}


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """The faults of one request: those that were drawn and those of its script."""

    faults: frozenset[str] = field(default_factory=frozenset)
    script: Script | None = None

    def has(self, fault: str) -> bool:
        """Return whether this fault occurs."""
        return fault in self.faults

    def with_faults(self, faults: frozenset[str]) -> "FaultPlan":
        """Return the plan with additional faults."""
        return FaultPlan(self.faults | faults, self.script)

    def reported_amount(self, amount: Money) -> Money | float:
        """Return the amount that the callback reports."""
        if self.script is not None and self.script.amount_in_callback is not None:
            return self.script.amount_in_callback
        return amount + self.has("amount_differs")


class FaultInjector:
    """Draws the faults of each request and holds the one-shot scripts."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.scripts: list[Script] = []
        self._generators: dict[str, random.Random] = {}

    def generator(self, name: str) -> random.Random:
        """Return the random generator of this name. The seed determines its sequence."""
        if name not in self._generators:
            self._generators[name] = random.Random(f"{self.seed}:{name}")
        return self._generators[name]

    def reseed(self, seed: int) -> None:
        """Restart with another seed."""
        self.seed = seed
        self._generators.clear()

    def plan(self, operation: str, identifiers: Mapping[str, str], rates: Mapping[str, float]) -> FaultPlan:
        """Draw the faults of a request, and apply the first script that matches its identifiers."""
        drawn = frozenset(name for name in FAULTS if self._is_drawn(name, operation, rates))
        script = self._take_script(operation, identifiers)
        return FaultPlan(drawn | script.faults if script else drawn, script)

    def _is_drawn(self, name: str, operation: str, rates: Mapping[str, float]) -> bool:
        if operation not in _APPLIES_TO.get(name, REQUESTS):
            return False
        group = f"{GROUP}.{name}" if operation in COMMANDS else name
        key = next((key for key in (f"{operation}.{name}", group) if key in rates), name)
        rate = rates.get(key, 0.0)
        return rate > 0 and self.generator(key).random() < rate

    def _take_script(self, operation: str, identifiers: Mapping[str, str]) -> Script | None:
        for script in self.scripts:
            if script.matches(operation, identifiers):
                script.times -= 1
                if script.times <= 0:
                    self.scripts.remove(script)
                return script
        return None


def check_rates(rates: Mapping[str, float]) -> None:
    """Raise ControlError unless every name is a fault and every rate is between 0 and 1."""
    for name, rate in rates.items():
        operation, _, fault = name.rpartition(".")
        if fault not in FAULTS or (operation and operation not in (*OPERATIONS, GROUP)):
            raise ControlError(f"unknown fault {name!r}; known: {', '.join(FAULTS)}")
        if not 0 <= rate <= 1:
            raise ControlError(f"the rate of {name} must be between 0 and 1")
