"""Passive failure detection: a backend that fails again and again is left alone for a while, longer each time. Pure: the time is an argument."""

from collections import deque

from sozu.command.terms import Failures


class Misses:
    """The latest failures of one backend. Successes are not counted, so a backend that is well costs nothing."""

    __slots__ = ("_times", "pause", "until")

    def __init__(self) -> None:
        self._times: deque[float] = deque()
        self.pause = 0.0  # how long it was left alone last
        self.until = float("-inf")  # then, or until then

    def note(self, now: float, policy: Failures) -> bool:
        """One more failure. Is it to be left alone from now on, until `until`?"""
        if not policy.limit or now < self.until:
            return False  # whoever is still there began before
        # On trial for as long as it rested: else one that fails every half a minute would
        # be asked with the shortest pause each time, and never be left alone for long.
        if self.pause and now <= self.until + max(policy.within, self.pause):
            return self._rest(now, min(self.pause * 2, policy.longest))  # it is back on trial: the first failure is enough
        # The trial is passed: the next series of failures begins with the short pause again.
        self.pause = 0.0
        self._times.append(now)
        # Only failures still within the time are kept, and at `limit` they are cleared: so there are never more than that of them.
        while self._times[0] < now - policy.within:
            self._times.popleft()
        return len(self._times) >= policy.limit and self._rest(now, policy.pause)

    def _rest(self, now: float, pause: float) -> bool:
        # What led to this rest must not count for the next one: after it, it is the trial that decides.
        self._times.clear()
        self.pause, self.until = pause, now + pause
        return True
