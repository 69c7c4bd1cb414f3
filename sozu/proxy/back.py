"""One connection to a backend: used by one exchange at a time, idle in the backend's pool between them."""

from typing import Any, NamedTuple

from sozu.proxy.deadlines import NEVER, Deadlines
from sozu.proxy.meaning import Answered
from sozu.proxy.registry import LiveBackend
from sozu.proxy.stream import Stream

Event = Answered | bytes | Exception


class Back:
    """`last_used` is when the last exchange ended, NEVER before; `end` when it is too old to be used again (the clock's seconds).

    `backend` is who uses it now, or did last; `home` is the stack where it may wait for the next one, which is that of its address.
    """

    __slots__ = ("_deadlines", "backend", "deadline", "end", "errand", "home", "last_used", "leave", "stream")

    def __init__(self, stream: Stream, backend: LiveBackend, deadlines: Deadlines, now: float, age: float) -> None:
        self.stream = stream
        self.backend = backend
        # Noted once: a backend that moves, or goes over to TLS, gets another stack, and what was opened before must never come into that one.
        self.home = backend.idle
        # Not the moment of its birth: what has carried no exchange was not closed for being idle, so that a failure on it is the backend's own,
        # and nobody asks again (Exchange._ask_again).
        self.last_used = NEVER
        # A busy connection is never idle for long: without this bound a balancer at this address could never move it to another server.
        self.end = now + age
        self.deadline = NEVER
        self.errand: Any = None  # who carries usual exchanges over it, from the first one on (errand.py)
        self._deadlines = deadlines
        self.leave = self._leave  # bound once: it is handed to the stream after every exchange
        deadlines.watched.add(self)

    def _leave(self) -> None:
        """Leave the pool and close: a backend that sends or closes while nobody has asked it anything ends the connection.

        It may be in use again, where a response comes before anybody waits for it.
        """
        # Bytes may come between two callbacks, when the pool has lent it already: then the next reader finds them, and `leave` has nothing to do.
        if self in self.home:
            self.home.remove(self)
            self.close()

    def expire(self) -> None:
        """Idle for too long."""
        self._leave()

    def close(self) -> None:
        """Close the connection. Does not switch greenlets."""
        # The set is what tells whether it is open: an exchange closes it where it fails, and once more in its `finally`.
        if self in self._deadlines.watched:
            self._deadlines.watched.remove(self)
            self.stream.close()
            del self.leave, self.errand  # cycles


class Begun(NamedTuple):
    """An exchange that an errand has begun: over which connection, and what has happened since. An answer that was understood or has begun to come, or a failure."""

    back: Back
    event: Event
