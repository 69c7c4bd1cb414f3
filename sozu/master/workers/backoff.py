"""How long to wait before a slot is filled again: not at all after a worker that had lived, longer and longer in a crash loop.

Pure: the caller measures and sleeps.
"""

FIRST = 0.05  # seconds
LONGEST = 5.0
A_LIFE = 10.0  # a worker that was up this long does not belong to a crash loop


class Backoff:
    """The delays of one slot."""

    def __init__(self) -> None:
        self._next = 0.0

    def after(self, lifetime: float) -> float:
        """Seconds to wait after a worker that was ready for `lifetime` seconds (0: it never was).

        The first crash is repaired at once; then 0.05 s, doubling to 5 s, until one has lived again.
        """
        delay = 0.0 if lifetime >= A_LIFE else self._next
        self._next = min(max(delay * 2, FIRST), LONGEST)
        return delay
