"""The secret that session tickets are sealed by (RFC 5077 section 5.5), and how it is forgotten: each period it becomes its own hash. Pure.

The master has one for all workers, so that each resumes the sessions of the others. All of them age theirs by the clock and nobody has to be told: where two
disagree for a moment, a session that would have been resumed is a full handshake, and nothing worse.
"""

from hashlib import sha256
from secrets import token_bytes
from typing import Final, Self

# Who copies the memory of a process can read what was recorded of resumed sessions of TLS 1.2, but only what is younger than this. A
# ticket is good for two hours, so that few clients pay for it with more than one full handshake a day.
PERIOD: Final = 12 * 3600  # seconds
SIZE: Final = 32  # bytes


class TicketSecret:
    """Some bytes, and since which period (counted from 1970) they have been what they are. An empty one stays empty: no tickets are given out."""

    __slots__ = ("_period", "_value")

    def __init__(self, value: bytes, period: int = 0) -> None:
        """Without a period, as from a process that knew of none, it is of the one in which it is first looked at."""
        self._value, self._period = value, period

    @classmethod
    def new(cls) -> Self:
        """One that nobody else has."""
        return cls(token_bytes(SIZE))

    @property
    def value(self) -> bytes:
        """What it is now; not to be kept anywhere else."""
        return self._value

    @property
    def period(self) -> int:
        """Since when."""
        return self._period

    def age(self, now: float) -> bool:
        """Forget what it was if a period has begun (`now` in seconds since 1970); whether it has. A clock that goes back changes nothing."""
        period = int(now // PERIOD)
        # A hash each period, also of those that nobody looked at, or a process that slept would be left alone with its secret.
        steps = range(self._period, period) if self._period and self._value else ()
        for _ in steps:
            self._value = sha256(self._value).digest()
        self._period = max(self._period, period)
        return bool(steps)
