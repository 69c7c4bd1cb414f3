"""Balancing by chance. Pure: the chance is an argument, a function like `random.random`."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
import random

from sozu.proxy.registry.balancing.candidates import B, Candidate, load

Chance = Callable[[], float]


class _Line:
    """Weights end to end; who throws at it hits each with a probability in proportion to its weight."""

    __slots__ = ("_chance", "_ends", "_seen")

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._seen: Sequence[Candidate] | None = None
        self._ends: list[float] = []

    def throw(self, candidates: Sequence[Candidate]) -> int:
        """The place of the one that was hit."""
        # By identity and not by equality: to compare costs a look at each candidate for each request, which is what
        # is to be saved. In exchange whoever changes a weight has to bring another tuple (`Roster.refresh`).
        if candidates is not self._seen:  # the same tuple comes until the roster changes
            self._seen = candidates
            self._ends = list(accumulate(candidate.weight for candidate in candidates))
        # Sums end to end and a search among them: a walk that subtracts weights would take as long as there are backends.
        place = bisect_right(self._ends, self._chance() * self._ends[-1])
        return min(place, len(candidates) - 1)  # random() < 1, but its product may round up


class Random:
    """Any one, with a probability in proportion to its weight."""

    __slots__ = ("_line",)

    def __init__(self, chance: Chance = random.random) -> None:
        self._line = _Line(chance)

    def pick(self, candidates: Sequence[B], key: bytes = b"") -> B:  # noqa: ARG002 - all balancers are asked alike
        """Throw once."""
        return candidates[self._line.throw(candidates)]


class PowerOfTwo:
    """Of two that chance picks, the one with fewer live exchanges for its weight.

    Nearly as even as asking all of them, and without the rush of many workers to the one that all see idle (Mitzenmacher, 2001).
    """

    __slots__ = ("_line",)

    def __init__(self, chance: Chance = random.random) -> None:
        self._line = _Line(chance)

    def pick(self, candidates: Sequence[B], key: bytes = b"") -> B:  # noqa: ARG002 - all balancers are asked alike
        """Throw twice. Both may hit the same: to insist on two different ones would take from the heavy what is theirs."""
        first, second = candidates[self._line.throw(candidates)], candidates[self._line.throw(candidates)]
        return second if load(second) < load(first) else first
