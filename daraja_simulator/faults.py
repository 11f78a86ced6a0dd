"""Faults that can be switched on, each with its rate and its own generator.

Every fault draws from a generator seeded with the seed and its own name, so that switching one on
does not move the others, and so that a run can be repeated. A name may be limited to an operation:
`stk_push.error_5xx`.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from daraja_simulator.errors import ControlError
from daraja_simulator.scripts import Script

COMMANDS = ("b2c", "b2pochi", "b2b", "reversal", "transaction_status", "account_balance")
REQUESTS = ("oauth", "stk_push", "stk_query", *COMMANDS, "c2b_register", "c2b_simulate")
OPERATIONS = (*REQUESTS, "c2b")
"""The requests; and `c2b`, a customer's own payment, wherever it was begun."""

FAULTS: dict[str, str] = {
    "refused_before": "hangs up at once, before acting",
    "timeout_before": "waits stall_seconds and hangs up, before acting",
    "token_refused": "a good token is called invalid",
    "spike_arrest": "rate limit answer, before acting",
    "error_5xx": "500, 502, 503 or 504, before acting",
    "error_5xx_after": "the same, but the request was acted upon",
    "answer_lost": "acted upon, then the connection is cut without an answer",
    "garbled": "acted upon; the answer is HTML, empty, cut short, wrongly typed, or huge",
    "slow": "acted upon; the answer comes slow_seconds late",
    "callback_lost": "the callback is never sent",
    "callback_doubled": "the callback is sent twice at the same moment",
    "callback_delayed": "the callback is sent callback_delay seconds late",
    "callback_before_answer": "the callback is delivered before the HTTP answer",
    "confirmation_lost": "the C2B confirmation is never sent",
    "confirmation_doubled": "the C2B confirmation is sent twice at the same moment",
    "confirmation_delayed": "the C2B confirmation is sent callback_delay seconds late",
    "confirmation_first": "the C2B confirmation of an STK payment is sent before its callback",
    "late_success": "1037 (commands: queue time-out) is told; late_after seconds on, the money moves",
    "queue_timeout": "a command comes back on QueueTimeOutURL and is not carried out",
    "reversal_spent": "a reversal fails with 1, as when the money is spent",
    "amount_differs": "the callback tells another amount than was moved",
    "phone_differs": "the callback tells another phone number",
    "query_contradicts": "the query tells the opposite of the callback",
    "query_forgets": "the query says that the transaction does not exist",
}
"""Every fault by name, in the order in which they are drawn."""

_STK, _QUERY = frozenset({"stk_push"}), frozenset({"stk_query"})
_CALLED_BACK = _STK | frozenset(COMMANDS)
_MOVES_MONEY = _CALLED_BACK - {"transaction_status", "account_balance"}
_CONFIRMED = _STK | {"c2b"}
_ONLY: dict[str, frozenset[str]] = {
    "token_refused": frozenset(REQUESTS) - {"oauth"},
    "callback_lost": _CALLED_BACK,
    "callback_doubled": _CALLED_BACK,
    "callback_delayed": _CALLED_BACK,
    "callback_before_answer": _CALLED_BACK | {"c2b_simulate"},
    "confirmation_lost": _CONFIRMED,
    "confirmation_doubled": _CONFIRMED,
    "confirmation_delayed": _CONFIRMED,
    "confirmation_first": _STK,
    "late_success": _MOVES_MONEY,
    "queue_timeout": frozenset(COMMANDS),
    "reversal_spent": frozenset({"reversal"}),
    "amount_differs": _MOVES_MONEY | {"c2b"},
    "phone_differs": _STK,
    "query_contradicts": _QUERY | _STK,
    "query_forgets": _QUERY,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What was drawn, or written in a script, for one request."""

    faults: frozenset[str] = field(default_factory=frozenset)
    script: Script | None = None

    def has(self, fault: str) -> bool:
        """Tell whether this fault happens."""
        return fault in self.faults

    def joined(self, faults: frozenset[str]) -> "Plan":
        """Return the plan with more faults."""
        return Plan(self.faults | faults, self.script)

    def amount_told(self, amount: int) -> int | float:
        """Return the amount that a callback tells for this one."""
        if self.script is not None and self.script.amount_in_callback is not None:
            return self.script.amount_in_callback
        return amount + self.has("amount_differs")


class FaultBox:
    """Draws the faults of each request; holds the one-shot scripts."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.scripts: list[Script] = []
        self._generators: dict[str, random.Random] = {}

    def generator(self, name: str) -> random.Random:
        """Return the generator of this name, the same for the same seed."""
        if name not in self._generators:
            self._generators[name] = random.Random(f"{self.seed}:{name}")
        return self._generators[name]

    def reseed(self, seed: int) -> None:
        """Begin again with another seed."""
        self.seed = seed
        self._generators.clear()

    def plan(self, operation: str, facts: Mapping[str, str], rates: Mapping[str, float]) -> Plan:
        """Draw the faults of a request, and use up the first script that matches its facts."""
        drawn = frozenset(name for name in FAULTS if self._strikes(name, operation, rates))
        script = self._take_script(operation, facts)
        return Plan(drawn | script.faults if script else drawn, script)

    def _strikes(self, name: str, operation: str, rates: Mapping[str, float]) -> bool:
        if operation not in _ONLY.get(name, REQUESTS):
            return False
        narrow = f"{operation}.{name}"
        key = narrow if narrow in rates else name
        rate = rates.get(key, 0.0)
        return rate > 0 and self.generator(key).random() < rate

    def _take_script(self, operation: str, facts: Mapping[str, str]) -> Script | None:
        for script in self.scripts:
            if script.matches(operation, facts):
                script.times -= 1
                if script.times <= 0:
                    self.scripts.remove(script)
                return script
        return None


def check_rates(rates: Mapping[str, float]) -> None:
    """Raise ControlError unless every name is a fault and every rate lies between 0 and 1."""
    for name, rate in rates.items():
        operation, _, fault = name.rpartition(".")
        if fault not in FAULTS or (operation and operation not in OPERATIONS):
            raise ControlError(f"unknown fault {name!r}; known: {', '.join(FAULTS)}")
        if not 0 <= rate <= 1:
            raise ControlError(f"the rate of {name} must lie between 0 and 1")
