"""The transitions of a payout batch, who may approve it, and how long it takes.

    waiting_approval ──approved──▶ running ──paused──▶ paused ──resumed──▶ running
            │                         │                   │
            └────────stopped──────────┴─────────┬─────────┘
                                                ▼
    running, paused ──finished──▶ done       stopped ──finished──▶ stopped

`finished` happens when no row can change without a person. A stopped batch stays `stopped`, so that
its status says how it ended.
"""

import math
import re
from unicodedata import normalize

from mpesa_service.domain.commands import BatchStatus
from mpesa_service.domain.states import PAYOUT_OPEN, PayoutStatus, TransitionTable, edges

_B = BatchStatus
_OPERATOR = re.compile(r"^(operator: ?)+")

BATCH_TRANSITIONS = TransitionTable(
    [
        *edges("approved", [_B.WAITING_APPROVAL], _B.RUNNING),
        *edges("paused", [_B.RUNNING], _B.PAUSED),
        *edges("resumed", [_B.PAUSED], _B.RUNNING),
        *edges("stopped", [_B.WAITING_APPROVAL, _B.RUNNING, _B.PAUSED], _B.STOPPED),
        *edges("finished", [_B.RUNNING, _B.PAUSED], _B.DONE),
        *edges("finished", [_B.STOPPED], _B.STOPPED),
    ]
)

PAYOUT_UNFINISHED = PAYOUT_OPEN | {PayoutStatus.WAITING}
"""Statuses of rows that still move by themselves. All other rows have ended, or wait for a person."""


def is_same_actor(one: str, other: str) -> bool:
    """Return whether two actors are one person, who may use both the API and the command line.

    Capital letters, blanks around a name, invisible characters and other encodings of a letter do not make
    another person.
    """
    return person_of(one) == person_of(other)


def person_of(actor: str) -> str:
    """Return the one spelling of an actor's name that stands for the person."""
    words = normalize("NFKC", normalize("NFKC", actor).casefold()).split()
    visible = "".join(character for character in " ".join(words) if character.isprintable()).strip()
    return _OPERATOR.sub("", visible)


def seconds_left(waiting: int, per_minute: int) -> int:
    """Return how long it takes to send `waiting` rows at a rate of `per_minute`."""
    return math.ceil(waiting * 60 / per_minute)
