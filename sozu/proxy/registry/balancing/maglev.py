"""Balancing by a key from a table (Eisenbud and others, "Maglev", NSDI 2016, section 3.4). Pure.

A look-up costs the same for two backends and for two hundred. Each backend fills the table in an order of its own, so a change of one leaves nearly
all entries of the others as they were. To fill it takes 10 to 25 ms, so that is done when the first key comes after a change, and not for clusters
without traffic. All tables have one size: another one, for more backends, would move every key.
"""

from collections.abc import Sequence
from typing import Final

from sozu.proxy.registry.balancing.candidates import B, Candidate
from sozu.proxy.registry.balancing.hashing import Rendezvous, hashed, stirred

SIZE: Final = 32749  # a prime: any step then visits the whole table. Of 300 backends one that goes moves 1.3 % besides its own share
_FREE: Final = -1


class Maglev:
    """Which backend a key belongs to. For candidates other than the prepared ones (what is left after a failure, backups) it draws lots by key."""

    __slots__ = ("_others", "_prepared", "_table", "_traits")

    def __init__(self) -> None:
        self._others = Rendezvous()
        self._prepared: Sequence[Candidate] = ()
        self._traits: list[tuple[int, float]] = []
        self._table: Sequence[int] = ()

    def beside(self) -> "Maglev":
        """Another one with the same table, to be prepared for other candidates while this one goes on."""
        other = Maglev()
        other._table, other._traits = self._table, self._traits
        return other

    def prepare(self, candidates: Sequence[Candidate]) -> None:
        """From now on these are the backends."""
        # Seeds and weights are all that a table is made of: a change that leaves both as they are (of the cluster's timeouts, say) keeps the table.
        traits = [(candidate.seed, candidate.weight) for candidate in candidates]
        if traits != self._traits:
            self._table, self._traits = (), traits
        # The tuple itself, also where the table stays: `pick` knows by identity whether
        # it is asked about all of them, and the table holds places in this order.
        self._prepared = candidates

    def pick(self, candidates: Sequence[B], key: bytes = b"") -> B:
        """One look-up."""
        if candidates is not self._prepared:
            return self._others.pick(candidates, key)
        # By the first key and not by `prepare`: at a start with ten thousand clusters of this kind it would take minutes before anybody is served.
        if not self._table:
            self._table = filled(self._traits)
        return candidates[self._table[hashed(key) % SIZE]]


def filled(traits: Sequence[tuple[int, float]]) -> Sequence[int]:
    """For each entry the place of a backend among these (seed, weight): they take turns at their next free entry, as often as their weight says."""
    table, left = [_FREE] * SIZE, SIZE
    # The heaviest has a share of 1, so it takes an entry in each round: that is why the loop ends, however small the other weights are.
    heaviest = max(weight for _, weight in traits)
    walks = [_Walk(place, seed, weight / heaviest) for place, (seed, weight) in enumerate(traits)]
    walks.sort(key=lambda walk: walk.offset)  # an order that does not depend on how the configuration lists them
    while left:
        for walk in walks:
            walk.credit += walk.share
            if walk.credit < 1 or not left:
                continue
            walk.credit -= 1
            walk.take(table)
            left -= 1
    return table


class _Walk:
    """One backend's way through the table: every entry once, in an order that its seed gives."""

    __slots__ = ("_place", "_step", "at", "credit", "offset", "share")

    def __init__(self, place: int, seed: int, share: float) -> None:
        self._place = place
        self.share = share
        self.credit = 0.0
        self.offset = self.at = seed % SIZE
        # Never 0, and SIZE is prime: so the walk visits each entry once. Stirred, because two that begin at one entry should not go the same way from there.
        self._step = stirred(seed) % (SIZE - 1) + 1

    def take(self, table: list[int]) -> None:
        """The next entry that is free; there is one."""
        at, step = self.at, self._step
        while table[at] != _FREE:
            at = (at + step) % SIZE
        table[at] = self._place
        self.at = at
