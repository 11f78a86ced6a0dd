"""What happens during the day. The same seed draws the same day."""

import random
from dataclasses import dataclass

GROUPS = ("stk", "c2b", "unmatched", "payout")
"""The groups of customers. Each has its own phone numbers, which shows whose a ledger entry is."""

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
    "c2b.confirmation_lost": 0.04,
    "c2b.odd_bytes": 0.04,
    "stk_push.confirmation_lost": 0.03,
    "stk_push.odd_bytes": 0.02,
}
"""The share of requests or callbacks with each fault. docs/simulator.md describes the faults."""


@dataclass(frozen=True, slots=True)
class Size:
    """The numbers of payments, refunds and payouts."""

    stk: int = 500
    c2b: int = 300
    unmatched: int = 20
    """How many of the C2B payments match no order."""
    refunds: int = 50
    payouts: int = 200

    def smaller(self, factor: int) -> "Size":
        """Return the size divided by `factor`, with at least two of everything."""
        numbers = (self.stk, self.c2b, self.unmatched, self.refunds, self.payouts)
        return Size(*(max(2, number // factor) for number in numbers))


@dataclass(frozen=True, slots=True)
class Sale:
    """One customer's payment for one order. A C2B customer types `reference`."""

    order: str
    amount: int
    msisdn: str
    reference: str


@dataclass(frozen=True, slots=True)
class PayoutRow:
    """One row of the payout file."""

    msisdn: str
    amount: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole day."""

    seed: int
    stk: tuple[Sale, ...]
    c2b: tuple[Sale, ...]
    unmatched: tuple[Sale, ...]
    """C2B payments whose reference matches no order."""
    refunds: int
    payouts: tuple[PayoutRow, ...]

    @property
    def evening(self) -> tuple[Sale, ...]:
        """Every third C2B payment. The customers pay after the pull, so only the statement shows them."""
        return (*self.c2b, *self.unmatched)[1::3]

    @property
    def morning(self) -> tuple[Sale, ...]:
        """The other C2B payments."""
        evening = set(self.evening)
        return tuple(sale for sale in (*self.c2b, *self.unmatched) if sale not in evening)


def draw(size: Size, seed: int) -> Plan:
    """Draw the day."""
    chance = random.Random(seed)

    def sales(group: str, prefix: str, count: int) -> tuple[Sale, ...]:
        return tuple(
            Sale(f"{prefix}{number}", chance.randint(10, 5_000), phone(group, number), f"{prefix}{number}")
            for number in range(1, count + 1)
        )

    return Plan(
        seed=seed,
        stk=sales("stk", "WEB", size.stk),
        c2b=sales("c2b", "BILL", size.c2b - size.unmatched),
        unmatched=sales("unmatched", "XQZ7", size.unmatched),
        refunds=size.refunds,
        payouts=tuple(
            PayoutRow(phone("payout", number), chance.randint(10, 3_000))
            for number in range(1, size.payouts + 1)
        ),
    )


def phone(group: str, number: int) -> str:
    """Return a customer's phone number. Its last six digits never choose an outcome (those begin with 99)."""
    return f"{_prefix(group)}{number:06d}"


def is_of(msisdn: str, group: str) -> bool:
    """Return whether a number belongs to a group."""
    return msisdn.startswith(_prefix(group))


def _prefix(group: str) -> str:
    return f"25471{GROUPS.index(group)}"
