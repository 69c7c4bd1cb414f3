"""How a cluster spreads exchanges over its backends. Pure decisions: no socket, no clock; randomness is an argument.

A balancer sees candidates, none of which has weight 0, and picks one. It keeps what it must remember between two picks
(whose turn it is), so one balancer belongs to one cluster of one worker and survives changes of the backends.
Health, retries and backups are decided before: whoever may not be picked is not among the candidates.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate
import random
from typing import Protocol, TypeVar

from sozu.command.facts import LoadBalancing


class Candidate(Protocol):
    """What a balancer must know of a backend; `credit` is the balancer's own notebook."""

    exchanges: int
    weight: int
    credit: int


B = TypeVar("B", bound=Candidate)


class RoundRobin:
    """Each in turn, as often as its weight says; heavy ones are spread out and not served in a row."""

    __slots__ = ("_even", "_seen", "_turn")

    def __init__(self) -> None:
        self._turn = -1
        self._seen: Sequence[Candidate] | None = None
        self._even = True

    def pick(self, candidates: Sequence[B]) -> B:
        """Equal weights: the next one. Else the one with the most credit pays for all ("smooth" weighted round robin)."""
        if candidates is not self._seen:  # the same tuple comes until the roster changes: look at the weights once
            self._seen = candidates
            self._even = len({candidate.weight for candidate in candidates}) == 1
        if not self._even:
            return _most_credit(candidates)
        self._turn = turn = (self._turn + 1) % len(candidates)
        return candidates[turn]


def _most_credit(candidates: Sequence[B]) -> B:
    """Everyone earns his weight; the richest is picked and pays what all earned: over a round, shares equal weights."""
    earned = 0
    richest = candidates[0]
    for candidate in candidates:
        candidate.credit += candidate.weight
        earned += candidate.weight
        if candidate.credit > richest.credit:
            richest = candidate
    richest.credit -= earned
    return richest


class Random:
    """Any one, with a probability in proportion to its weight."""

    __slots__ = ("_random",)

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        self._random = chance

    def pick(self, candidates: Sequence[B]) -> B:
        """Throw once, at the line on which the weights lie end to end."""
        reach = self._random() * sum(candidate.weight for candidate in candidates)
        for candidate, end in zip(candidates, accumulate(c.weight for c in candidates), strict=True):
            if reach < end:
                return candidate
        return candidates[-1]  # random() < 1, but its product may round up


class LeastLoaded:
    """The one with the fewest live exchanges for its weight; equals take turns, so that an idle cluster warms up evenly."""

    __slots__ = ("_turn",)

    def __init__(self) -> None:
        self._turn = -1

    def pick(self, candidates: Sequence[B]) -> B:
        """Begin the search one further each time: `min` keeps the first of equals."""
        self._turn = turn = (self._turn + 1) % len(candidates)
        return min((*candidates[turn:], *candidates[:turn]), key=_load)


def _load(candidate: Candidate) -> float:
    return candidate.exchanges / candidate.weight


Balancer = RoundRobin | Random | LeastLoaded

_BALANCERS: dict[LoadBalancing, type[Balancer]] = {
    LoadBalancing.ROUND_ROBIN: RoundRobin,
    LoadBalancing.RANDOM: Random,
    LoadBalancing.LEAST_LOADED: LeastLoaded,
}


def balancer_for(kind: LoadBalancing) -> Balancer:
    """A fresh balancer. KeyError for a kind of a later version: `commit` refuses those before they come here."""
    return _BALANCERS[kind]()
