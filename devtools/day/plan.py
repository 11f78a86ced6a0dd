"""What happens on the day: drawn from the seed, so that the same seed plays the same day."""

import random
from dataclasses import dataclass

STREAMS = ("stk", "menu", "lost_reference", "payout")
"""Who pays or is paid; each has phone numbers of its own, so that the ledger tells them apart."""

FAULTS = {
    "stk_push.answer_lost": 0.03,
    "stk_push.error_5xx": 0.02,
    "stk_push.spike_arrest": 0.02,
    "stk_push.slow": 0.02,
    "b2c.answer_lost": 0.04,
    "b2c.spike_arrest": 0.02,
    "callback_lost": 0.10,
    "callback_doubled": 0.10,
    "callback_delayed": 0.10,
}
"""Share of requests, or of callbacks, that each befalls. The simulator's docs say what each does."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much happens."""

    stk: int = 500
    menu: int = 300
    unknown_references: int = 20
    refunds: int = 50
    payouts: int = 200

    def smaller(self, factor: int) -> "Size":
        """Return a day of a `factor`-th of this one, with at least two of everything."""
        numbers = (self.stk, self.menu, self.unknown_references, self.refunds, self.payouts)
        return Size(*(max(2, number // factor) for number in numbers))


@dataclass(frozen=True, slots=True)
class Sale:
    """One customer's payment towards one order; without a prompt, the customer types `reference`."""

    order: str
    amount: int
    msisdn: str
    reference: str


@dataclass(frozen=True, slots=True)
class Wage:
    """One row of the payout file."""

    msisdn: str
    amount: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole day."""

    seed: int
    prompted: tuple[Sale, ...]
    expected: tuple[Sale, ...]
    strange: tuple[Sale, ...]
    """Money whose reference fits nothing."""
    refunds: int
    wages: tuple[Wage, ...]


def draw(size: Size, seed: int) -> Plan:
    """Draw the day."""
    chance = random.Random(seed)

    def sales(stream: str, prefix: str, count: int) -> tuple[Sale, ...]:
        return tuple(
            Sale(f"{prefix}{number}", chance.randint(10, 5_000), phone(stream, number), f"{prefix}{number}")
            for number in range(1, count + 1)
        )

    return Plan(
        seed=seed,
        prompted=sales("stk", "WEB", size.stk),
        expected=sales("menu", "BILL", size.menu - size.unknown_references),
        strange=sales("lost_reference", "XQZ7", size.unknown_references),
        refunds=size.refunds,
        wages=tuple(
            Wage(phone("payout", number), chance.randint(10, 3_000)) for number in range(1, size.payouts + 1)
        ),
    )


def phone(stream: str, number: int) -> str:
    """Return the number of a customer: none whose last six digits choose an outcome (they begin with 99)."""
    return f"{_prefix(stream)}{number:06d}"


def is_of(msisdn: str, stream: str) -> bool:
    """Tell whether a number is one of a stream's."""
    return msisdn.startswith(_prefix(stream))


def _prefix(stream: str) -> str:
    return f"25471{STREAMS.index(stream)}"
