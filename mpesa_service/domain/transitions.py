"""The mechanism behind `states.py`: a table of named edges that answers one question."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

State = TypeVar("State", bound=str)


class ForbiddenTransition(Exception):
    """Somebody asked for a move that is not in the table: a fault of ours, never of the caller's."""


@dataclass(frozen=True)
class Edge(Generic[State]):
    """One allowed move. The name says why it is made and stands in the audit trail."""

    name: str
    source: State
    target: State


class TransitionTable(Generic[State]):
    """All allowed moves; an edge's name and its source decide the target."""

    def __init__(self, edges: Iterable[Edge[State]]) -> None:
        self.edges = tuple(edges)
        self._targets = {(edge.name, edge.source): edge.target for edge in self.edges}
        if len(self._targets) != len(self.edges):
            raise ValueError("two edges share a name and a source")

    def target(self, name: str, source: State) -> State:
        """Return where edge `name` leads from `source`; raise ForbiddenTransition if it is not there."""
        try:
            return self._targets[name, source]
        except KeyError:
            raise ForbiddenTransition(f"no edge {name!r} leaves {source!r}") from None


def edges(name: str, sources: Iterable[State], target: State) -> list[Edge[State]]:
    """Return one edge `name` from each of `sources` to `target`."""
    return [Edge(name, source, target) for source in sources]
