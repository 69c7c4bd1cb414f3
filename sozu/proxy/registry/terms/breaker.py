"""A circuit breaker: where too large a share of a cluster's requests fails, the next ones are refused at once, so that it can recover. Pure.

Closed, it counts in two halves of its time, of which the older one is forgotten in turn. Open, it refuses. After its pause it lets one request
through; the outcome of that one closes it, or opens it for another pause.
"""

from sozu.command.terms import Breaker as Policy

_WHOLE = 100.0  # percent


class Breaker:
    """`admits` before each request, `done` after it, in pairs; a request that says nothing about the cluster (its client left) is done with None."""

    __slots__ = ("_failed", "_half", "_on_trial", "_opened", "_since", "_total", "policy")

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._opened: float | None = None  # when; None while closed
        self._on_trial = False
        # Before all time: the first outcome begins the first half, whenever it comes.
        self._close(float("-inf"))

    def admits(self, now: float) -> bool:
        """May this request go to the cluster?"""
        if self._opened is None:
            return True
        if self._on_trial or now < self._opened + self.policy.pause:
            return False
        # One at a time: if all who come after the pause were let through, a backend that is barely up again would be asked by everybody at once.
        self._on_trial = True
        return True

    def done(self, now: float, *, well: bool | None) -> None:
        """How a request that was admitted has ended."""
        if self._opened is None:
            if well is not None:
                self._count(now, failed=not well)
        elif self._on_trial:  # others may have begun before it opened: their end counts as the trial's, since it is as new
            self._on_trial = False
            if well is not None:
                self._judge(now, well=well)

    @property
    def open(self) -> bool:
        """Are requests refused?"""
        return self._opened is not None

    def _judge(self, now: float, *, well: bool) -> None:
        if well:
            self._close(now)
        else:
            self._opened = now

    def _close(self, now: float) -> None:
        self._opened = None
        self._since = now
        self._total, self._failed = [0, 0], [0, 0]  # of the half that runs, and of the one before

    def _count(self, now: float, *, failed: bool) -> None:
        # Two pairs of numbers instead of a time for each request: the memory does not
        # grow with the traffic, and what counts is between a half and all of `within`.
        half = self.policy.within / 2
        if now - self._since >= half:
            # After a silence of a whole `within` also the younger half is too old to be the one before.
            recent = now - self._since < 2 * half
            self._since = now
            self._total, self._failed = [0, self._total[0] if recent else 0], [0, self._failed[0] if recent else 0]
        self._total[0] += 1
        self._failed[0] += failed
        total = sum(self._total)
        # Only a failure opens: a success that makes the count large enough is no reason to refuse the next request.
        if failed and total >= self.policy.least and sum(self._failed) * _WHOLE >= self.policy.share * total:
            self._opened = now
