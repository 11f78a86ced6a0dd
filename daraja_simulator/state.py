"""The whole state of the simulator, in memory, with one lock."""

import re
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from daraja_simulator.callback_delivery import CallbackDelivery
from daraja_simulator.faults import FaultInjector, FaultPlan
from daraja_simulator.identity import Identity, process_identity
from daraja_simulator.ledger import Customer, Ledger
from daraja_simulator.options import SimulatorOptions
from daraja_simulator.records import C2bPayment, Command, Payout, Prompt
from daraja_simulator.scheduler import Clock, Scheduler, system_clock
from daraja_simulator.tokens import TokenStore
from daraja_simulator.wire import Json, iso

C = TypeVar("C", bound=Command)

_PHONE_OPEN_FOR = timedelta(seconds=5)
_REFUSALS = 100
_QUERY_GAP = timedelta(seconds=12)
_SANDBOX_SHORTCODE = re.compile(r"600[0-9]{3}")


def _silent(_line: str) -> None:
    return


class SimulatorState:
    """Customers, shop, apps, prompts, payments, commands, faults and the clock.

    Hold `lock` during every read and change of the state, and never during the delivery of a callback.
    """

    def __init__(
        self,
        options: SimulatorOptions | None = None,
        *,
        clock: Clock = system_clock,
        identity: Identity | None = None,
        log: Callable[[str], None] = _silent,
    ) -> None:
        self.start_options = options or SimulatorOptions()
        self.options = self.start_options
        self.identity = identity or process_identity()
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self.log = log
        self.scheduler = Scheduler(clock, manual=self.options.timers == "manual")
        self.delivery = CallbackDelivery(self.lock, self.scheduler, log)
        self._initialize()

    def _initialize(self) -> None:
        self.ledger = Ledger(self.options.utility_balance)
        self.tokens = TokenStore()
        self.faults = FaultInjector(self.options.seed)
        self.prompts: dict[str, Prompt] = {}
        self.open_by_phone: dict[str, Prompt] = {}
        self.commands: dict[str, Command] = {}
        self.c2b_urls: dict[str, Json] = {}
        self.c2b: dict[str, C2bPayment] = {}
        self.pull_shortcodes: set[str] = set()
        self.requests: Counter[str] = Counter()
        self.refusals: deque[Json] = deque(maxlen=_REFUSALS)
        """The latest refused requests, the oldest first."""
        self.wrong_credentials = 0
        self._open_phones: dict[str, datetime] = {}
        self._next_query: dict[str, datetime] = {}
        self._use_options()

    def _use_options(self) -> None:
        self.delivery.timeout = self.options.callback_timeout
        self.delivery.delay = self.options.callback_delay
        self.scheduler.set_manual(self.options.timers == "manual")
        if self.faults.seed != self.options.seed:
            self.faults.reseed(self.options.seed)

    @property
    def payouts(self) -> dict[str, Payout]:
        """The payouts by OriginatorConversationID, the oldest first."""
        return {payout.originator_conversation_id: payout for payout in self.commands_of(Payout)}

    def commands_of(self, kind: type[C]) -> list[C]:
        """Return all commands of this class, the oldest first."""
        with self.lock:
            return [command for command in self.commands.values() if isinstance(command, kind)]

    def now(self) -> datetime:
        """Return the simulated time."""
        return self.scheduler.now()

    def reset(self, changes: Mapping[str, Any]) -> None:
        """Remove all data and timers. Restore the options of the start, with `changes`."""
        options = self.start_options.changed(changes)
        self.scheduler.clear()
        self.scheduler.wait_until_idle(self.options.callback_timeout)
        with self.lock:
            self.options = options
            self.scheduler.clear()
            self.delivery.clear()
            self._initialize()

    def change_options(self, changes: Mapping[str, Any]) -> None:
        """Set options. They do not affect requests that were already accepted."""
        with self.lock:
            self.options = self.options.changed(changes)
            self._use_options()

    def fault_plan(self, operation: str, identifiers: Mapping[str, str]) -> FaultPlan:
        """Draw the faults of a request."""
        with self.lock:
            return self.faults.plan(operation, identifiers, self.options.faults)

    def customer(self, msisdn: str) -> Customer | None:
        """Return the customer with this number. Unless strict_customers is on, every number is a customer."""
        with self.lock:
            found = self.ledger.customers.get(msisdn)
            if found is None and not self.options.strict_customers:
                found = self.add_customer(msisdn)
            return found

    def add_customer(self, msisdn: str, pin: str | None = None, balance: int | None = None) -> Customer:
        """Add or replace a customer. A missing value takes the default."""
        with self.lock:
            customer = Customer(
                msisdn,
                self.options.customer_pin if pin is None else pin,
                self.options.customer_balance if balance is None else balance,
            )
            self.ledger.customers[msisdn] = customer
            return customer

    def display_name(self, number: str) -> str:
        """Return a number as in results, with the name if it is known."""
        customer = self.ledger.customers.get(number)
        if customer is not None:
            return f"{number} - {customer.name}"
        return f"{number} - SIMULATED PARTNER" if number in self.ledger.organizations else number

    def owns(self, number: str, *, till: bool = False) -> bool:
        """Return whether this is the shop's shortcode or till. Any 600xxx is, as in the sandbox."""
        own = number == self.options.shortcode or _SANDBOX_SHORTCODE.fullmatch(number) is not None
        tills = self.options.tills
        return own or (number in tills if tills else till)

    def mark_phone_open(self, msisdn: str) -> None:
        """Store that the phone page of this number is open."""
        with self.lock:
            self._open_phones[msisdn] = self.now()

    def phone_is_open(self, msisdn: str) -> bool:
        """Return whether the phone page of this number made a request within the last five seconds."""
        last_request = self._open_phones.get(msisdn)
        return last_request is not None and self.now() - last_request < _PHONE_OPEN_FOR

    def refuse(self, operation: str, status: int, message: str, reason: str) -> None:
        """Record and log a refused request. `reason` names the broken limit, or is empty."""
        with self.lock:
            self.refusals.append(
                {
                    "at": iso(self.now()),
                    "operation": operation,
                    "status": status,
                    "message": message,
                    "reason": reason or None,
                }
            )
        self.log(f"{operation} refused: {message}{f' ({reason})' if reason else ''}")

    def query_allowed(self, app_key: str) -> bool:
        """Return whether the app can query now. Five queries a minute without bursts is one every 12 s."""
        with self.lock:
            now = self.now()
            if now < self._next_query.get(app_key, now):
                return False
            self._next_query[app_key] = now + _QUERY_GAP
            return True

    def start(self) -> None:
        """Start the clock."""
        self.scheduler.start()

    def stop(self) -> None:
        """Stop the clock and end the waits of stalled requests."""
        self.stopping.set()
        self.scheduler.stop()
