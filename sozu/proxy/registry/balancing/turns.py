"""Balancing without chance: one after the other, or whoever has least to do. Pure."""

from collections.abc import Iterator, Sequence

from sozu.proxy.registry.balancing.candidates import B, Candidate, load


class RoundRobin:
    """Each in turn, as often as its weight says; heavy ones are spread out and not served in a row."""

    __slots__ = ("_even", "_seen", "_spare", "_turn")

    def __init__(self) -> None:
        # Two marks: had a second choice moved the first one's, a backend that cannot be reached would get more turns than the others, and not fewer.
        self._turn = self._spare = -1  # whose it was; and whose, of the turns of those who could not
        self._seen: Sequence[Candidate] | None = None
        self._even = True

    def pick(self, candidates: Sequence[B], key: bytes = b"") -> B:  # noqa: ARG002 - all balancers are asked alike
        """Equal weights: the next one. Else the one with the most credit pays for all ("smooth" weighted round robin)."""
        if candidates is not self._seen:  # the same tuple comes until the roster changes: look at the weights once
            self._seen = candidates
            self._even = len({candidate.weight for candidate in candidates}) == 1
        if not self._even:
            return _most_credit(candidates)
        # Kept as a place, and taken modulo the length each time: a tuple that became shorter needs no care.
        self._turn = turn = (self._turn + 1) % len(candidates)
        return candidates[turn]

    def pick_of(self, tier: Sequence[B], able: Sequence[B]) -> B:
        """The next of a tier that is able (the others were tried, or are full): nobody gets all the turns of those who are not."""
        # Asked of the tier, not of who is able: if the two ways alternated from request to request, neither would keep the shares of a round.
        if len({candidate.weight for candidate in tier}) > 1:
            return _most_credit(able)
        picked = next(_from(tier, self._spare + 1, able))
        self._spare = tier.index(picked)
        return picked


def _from(tier: Sequence[B], turn: int, able: Sequence[B]) -> Iterator[B]:
    """Those who are able, in the order of their tier, from this turn on."""
    # In the order of the tier, from the mark on: among the able alone a place would mean another backend each time that somebody drops out.
    turn, among = turn % len(tier), set(able)
    return (candidate for candidate in (*tier[turn:], *tier[:turn]) if candidate in among)


def _most_credit(candidates: Sequence[B]) -> B:
    """Everyone earns his weight; the richest is picked and pays what all earned: over a round, shares equal weights."""
    earned = 0.0
    richest = candidates[0]
    # Credits stand on the backends, which outlive rosters: a transaction does not begin
    # the round again. Among those that are asked they add up to what they were.
    for candidate in candidates:
        candidate.credit += candidate.weight
        earned += candidate.weight
        if candidate.credit > richest.credit:
            richest = candidate
    richest.credit -= earned
    return richest


class LeastLoaded:
    """The one with the fewest live exchanges for its weight; equals take turns, so that an idle cluster warms up evenly."""

    __slots__ = ("_spare", "_turn")

    def __init__(self) -> None:
        self._turn = self._spare = -1

    def pick(self, candidates: Sequence[B], key: bytes = b"") -> B:  # noqa: ARG002 - all balancers are asked alike
        """Begin the search one further each time: `min` keeps the first of equals."""
        self._turn = turn = (self._turn + 1) % len(candidates)
        return min((*candidates[turn:], *candidates[:turn]), key=load)

    def pick_of(self, tier: Sequence[B], able: Sequence[B]) -> B:
        """The same among those of a tier that are able."""
        picked = min(_from(tier, self._spare + 1, able), key=load)
        self._spare = tier.index(picked)
        return picked
