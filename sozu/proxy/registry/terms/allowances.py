"""What may be spent: retries, as a share of the requests; and exchanges at once, for each client's address. Pure."""

from typing import Final

from sozu.command.terms import Retries

_WHOLE: Final = 100.0  # percent
_RESERVE: Final = 10.0  # retries that a quiet cluster may make in a row: a share of few requests would be none


class RetryBudget:
    """Each request earns a part of a retry. When a whole cluster fails, retries cannot multiply what it gets (Finagle's idea)."""

    __slots__ = ("_saved", "policy")

    def __init__(self, policy: Retries) -> None:
        self.policy = policy
        self._saved = _RESERVE

    def earn(self) -> None:
        """One more request."""
        # Bounded: without that a quiet night would be saved up for one storm, and retries would multiply the load in the hour in which everything fails.
        self._saved = min(self._saved + self.policy.budget / _WHOLE, max(_RESERVE, self.policy.budget))

    def spend(self) -> bool:
        """May there be one more retry?"""
        # Whole retries only. Fractions are kept, so that 20 % are every fifth request's.
        if self._saved < 1:
            return False
        self._saved -= 1
        return True


class Guests:
    """How many exchanges each client's address has: at most so many."""

    __slots__ = ("_counts", "policy")

    def __init__(self, most: int) -> None:
        self.policy = most
        self._counts: dict[bytes, int] = {}

    def enter(self, address: bytes) -> bool:
        """One more, if it may."""
        count = self._counts.get(address, 0)
        if count >= self.policy:
            return False
        self._counts[address] = count + 1
        return True

    def leave(self, address: bytes) -> None:
        """One less."""
        # No address is kept that has none: an attacker with a /48 would else leave an entry for each /64 of it behind, for ever.
        count = self._counts[address] - 1
        if count:
            self._counts[address] = count
        else:
            del self._counts[address]
