"""How long to wait before a slot is filled again: hardly after a worker that had lived for a while, longer and longer in a crash loop.

Pure: the caller measures and sleeps.
"""

FIRST = 0.05  # seconds
LONGEST = 5.0
HALF_LIFE = 0.5  # each time a worker was up this long makes up for one crash
NOTHING = 0.01  # not worth waiting


class Backoff:
    """The delays of one slot."""

    def __init__(self) -> None:
        self._next = 0.0

    def after(self, lifetime: float) -> float:
        """Seconds to wait after a worker that was ready for `lifetime` seconds (0: it never was).

        The first crash is repaired at once; then 0.05 s, doubling to 5 s where none lives.
        """
        # By halves, where there once was a threshold of ten seconds: workers that somebody kills every few seconds were
        # waited for ever longer, though each of them had served until then.
        delay = self._next * 0.5 ** (lifetime / HALF_LIFE)
        # The lower bound makes the second crash in a row cost something: 0 doubled would be 0 for ever.
        self._next = min(max(delay * 2, FIRST), LONGEST)
        return delay if delay > NOTHING else 0.0
