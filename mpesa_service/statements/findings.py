"""Cuts the findings of a file to a number that people read: each kind has a share, and no kind is lost."""

from collections.abc import Sequence
from dataclasses import dataclass

from mpesa_service.domain.counting import counted

FINDINGS_KEPT = 50


@dataclass(frozen=True)
class Kind:
    """Findings of one kind, and the words for those that are left out: for one, and for several."""

    found: Sequence[str]
    more: tuple[str, str]


def cut(kinds: Sequence[Kind], most: int = FINDINGS_KEPT) -> list[str]:
    """Return the findings in their order, at most `most` in all.

    A sentence counts those left out of each kind. A kind with few findings keeps all of them, and the others
    share the rest alike.
    """
    kept: dict[int, int] = {}
    left = most
    for done, place in enumerate(sorted(range(len(kinds)), key=lambda one: len(kinds[one].found))):
        kept[place] = min(len(kinds[place].found), left // (len(kinds) - done))
        left -= kept[place]
    shown: list[str] = []
    for place, kind in enumerate(kinds):
        shown += kind.found[: kept[place]]
        if missing := len(kind.found) - kept[place]:
            shown.append(f"{counted(missing, *kind.more)}.")
    return shown
