"""One connection to a backend: used by one exchange at a time, idle in the backend's pool between them."""

from sozu.proxy.deadlines import NEVER, Deadlines
from sozu.proxy.registry import LiveBackend
from sozu.proxy.stream import Stream


class Back:
    """`used`: has it served an exchange? `last_used` is when the last one ended (the clock's seconds)."""

    __slots__ = ("_deadlines", "_leave", "backend", "deadline", "last_used", "opened", "stream", "used")

    def __init__(self, stream: Stream, backend: LiveBackend, deadlines: Deadlines, now: float) -> None:
        self.stream = stream
        self.backend = backend
        self.opened = self.last_used = now
        self.used = False
        self.deadline = NEVER
        self._deadlines = deadlines
        self._leave = self.leave  # bound once: it is handed to the stream after every exchange
        deadlines.watched.add(self)

    def rest(self) -> None:
        """It is idle. A backend that sends or closes now ends the connection: nobody has asked it anything."""
        self.used = True
        self.stream.when_readable(self._leave)

    def leave(self) -> None:
        """Leave the pool and close."""
        self.backend.idle.remove(self)
        self.close()

    def expire(self) -> None:
        """Idle for too long."""
        self.leave()

    def close(self) -> None:
        """Close the connection. Does not switch greenlets."""
        if self in self._deadlines.watched:
            self._deadlines.watched.remove(self)
            self.stream.close()
            del self._leave  # a cycle, as in Session
