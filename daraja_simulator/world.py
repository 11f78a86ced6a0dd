"""The whole state of the simulator, in memory, behind one lock."""

import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from daraja_simulator.courier import Courier
from daraja_simulator.faults import FaultBox, Plan
from daraja_simulator.identity import Identity, process_identity
from daraja_simulator.ledger import Customer, Ledger
from daraja_simulator.options import SimulatorOptions
from daraja_simulator.records import C2bPayment, Command, Payout, Prompt
from daraja_simulator.scheduler import Clock, Scheduler, system_clock
from daraja_simulator.tokens import TokenDesk
from daraja_simulator.wire import Json

C = TypeVar("C", bound=Command)

_WATCHED_FOR = timedelta(seconds=5)
_QUERY_GAP = timedelta(seconds=12)
_SANDBOX_SHORTCODE = re.compile(r"600[0-9]{3}")


def _silent(_line: str) -> None:
    return


class World:
    """Customers, shop, apps, prompts, payments, commands, faults and time.

    Hold `lock` while reading or changing anything here, and never while a callback is sent.
    """

    def __init__(
        self,
        options: SimulatorOptions | None = None,
        *,
        clock: Clock = system_clock,
        identity: Identity | None = None,
        tell: Callable[[str], None] = _silent,
    ) -> None:
        self.start_options = options or SimulatorOptions()
        self.options = self.start_options
        self.identity = identity or process_identity()
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self.tell = tell
        self.scheduler = Scheduler(clock, manual=self.options.timers == "manual")
        self.courier = Courier(self.lock, self.scheduler, tell)
        self._begin()

    def _begin(self) -> None:
        self.ledger = Ledger(self.options.utility_balance)
        self.tokens = TokenDesk()
        self.faults = FaultBox(self.options.seed)
        self.prompts: dict[str, Prompt] = {}
        self.open_by_phone: dict[str, Prompt] = {}
        self.commands: dict[str, Command] = {}
        self.c2b_urls: dict[str, Json] = {}
        self.c2b: dict[str, C2bPayment] = {}
        self.requests: Counter[str] = Counter()
        self.wrong_credentials = 0
        self._watched: dict[str, datetime] = {}
        self._next_query: dict[str, datetime] = {}
        self._use_options()

    def _use_options(self) -> None:
        self.courier.timeout = self.options.callback_timeout
        self.courier.delay = self.options.callback_delay
        self.scheduler.set_manual(self.options.timers == "manual")
        if self.faults.seed != self.options.seed:
            self.faults.reseed(self.options.seed)

    @property
    def payouts(self) -> dict[str, Payout]:
        """The payouts by OriginatorConversationID, oldest first."""
        return {payout.originator_conversation_id: payout for payout in self.every(Payout)}

    def every(self, kind: type[C]) -> list[C]:
        """Return all commands of this class, oldest first."""
        with self.lock:
            return [command for command in self.commands.values() if isinstance(command, kind)]

    def now(self) -> datetime:
        """Return the simulated moment."""
        return self.scheduler.now()

    def reset(self, changes: Mapping[str, Any]) -> None:
        """Forget everything, timers included; go back to the start's options, with `changes`."""
        options = self.start_options.changed(changes)
        self.scheduler.clear()
        self.scheduler.settle(self.options.callback_timeout)
        with self.lock:
            self.options = options
            self.scheduler.clear()
            self.courier.clear()
            self._begin()

    def change_options(self, changes: Mapping[str, Any]) -> None:
        """Set options; what is under way goes on as it was planned."""
        with self.lock:
            self.options = self.options.changed(changes)
            self._use_options()

    def plan(self, operation: str, facts: Mapping[str, str]) -> Plan:
        """Draw what shall go wrong with a request."""
        with self.lock:
            return self.faults.plan(operation, facts, self.options.faults)

    def customer(self, msisdn: str) -> Customer | None:
        """Return the customer with this number; unless narrowed, every number is one."""
        with self.lock:
            found = self.ledger.customers.get(msisdn)
            if found is None and not self.options.strict_customers:
                found = self.add_customer(msisdn)
            return found

    def add_customer(self, msisdn: str, pin: str | None = None, balance: int | None = None) -> Customer:
        """Add or replace a customer; what is left out takes the default."""
        with self.lock:
            customer = Customer(
                msisdn,
                self.options.customer_pin if pin is None else pin,
                self.options.customer_balance if balance is None else balance,
            )
            self.ledger.customers[msisdn] = customer
            return customer

    def named(self, number: str) -> str:
        """Return a number as results print it, with the name when it is known."""
        customer = self.ledger.customers.get(number)
        if customer is not None:
            return f"{number} - {customer.name}"
        return f"{number} - SIMULATED PARTNER" if number in self.ledger.organisations else number

    def owns(self, number: str, *, till: bool = False) -> bool:
        """Tell whether this is the shop's shortcode (as in the sandbox, any 600xxx is), or its till."""
        own = number == self.options.shortcode or _SANDBOX_SHORTCODE.fullmatch(number) is not None
        tills = self.options.tills
        return own or (number in tills if tills else till)

    def watch(self, msisdn: str) -> None:
        """Note that somebody has this number's phone page open."""
        with self.lock:
            self._watched[msisdn] = self.now()

    def watched(self, msisdn: str) -> bool:
        """Tell whether a phone page asked for this number within the last five seconds."""
        seen = self._watched.get(msisdn)
        return seen is not None and self.now() - seen < _WATCHED_FOR

    def query_allowed(self, app_key: str) -> bool:
        """Take one query from the app's allowance: five a minute with no burst is one in 12 s."""
        with self.lock:
            now = self.now()
            if now < self._next_query.get(app_key, now):
                return False
            self._next_query[app_key] = now + _QUERY_GAP
            return True

    def start(self) -> None:
        """Let time run."""
        self.scheduler.start()

    def stop(self) -> None:
        """Stop time, and wake whoever is being kept waiting."""
        self.stopping.set()
        self.scheduler.stop()
