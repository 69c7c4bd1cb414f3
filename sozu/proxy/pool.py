"""Where connections to backends come from and where they go: a stack of idle ones per address, in `LiveBackend.idle`.

Last in, first out: the freshest is the least likely to be closed by the backend in the moment we use it, and the others get old and go.
That moment cannot be excluded, so only a request that may be sent twice rides on any idle connection; another one (POST) takes
one that was in use a second ago, or a new one (RFC 9112 section 9.3.1). How often to try and whom is the exchange's to say.
"""

from collections.abc import Callable, Mapping
from typing import Any

from gevent.hub import Hub

from sozu.command.settings import Pool as Limits
from sozu.proxy.back import Back
from sozu.proxy.clock import Clock
from sozu.proxy.counters import Counters
from sozu.proxy.deadlines import NEVER, Deadlines
from sozu.proxy.loop.connect import Preface, connect
from sozu.proxy.registry import LiveBackend
from sozu.proxy.stream import Stream

# Far below the five seconds after which node and Apache close an idle connection by default, and far above a round trip.
FRESH_SECONDS = 1.0
Dial = Callable[[LiveBackend, int, Any, Preface], Stream]  # family, address, and what goes before all else; parks until the connection stands, raises `Broken`


class Pool:
    """Opens, lends and takes back connections, within the limits of the settings."""

    __slots__ = ("_age", "_clock", "_counters", "_deadlines", "_hub", "_idle", "_size", "dials")

    def __init__(self, hub: Hub, clock: Clock, deadlines: Deadlines, counters: Counters, limits: Limits) -> None:
        self._age = limits.age
        self._idle = limits.idle
        self._size = limits.size
        self._hub = hub
        self._clock = clock
        self._deadlines = deadlines
        self._counters = counters
        self.dials: Mapping[str, Dial] = {}  # of clusters that are not spoken to in plain text

    def take(self, backend: LiveBackend, repeatable: bool) -> Back | None:  # noqa: FBT001 - keywords cost on this path
        """An idle connection that this kind of request may use, or None."""
        idle, now = backend.idle, self._clock.now
        # Only the top is looked at: what lies below was used even earlier.
        while idle and (repeatable or idle[-1].last_used >= now - FRESH_SECONDS):
            back: Back = idle.pop()
            if back.end >= now:
                # From here on the deadline is the Front's: one that passed here would have the sweep call `expire` at every tick, for nothing.
                back.deadline = NEVER
                back.backend = backend  # at this address there may be others (registry/stacks.py)
                return back
            # Nobody else asks its age: the sweep knows how long it has been idle, and no more.
            back.close()
        return None

    def open(self, backend: LiveBackend, preface: bytes = b"") -> Back:
        """A new connection on which `preface` goes before all else, also before TLS; parks until it stands, raises `Broken`."""
        # It parks: the configuration may have changed by the time it stands, so the count and the age are of afterwards. The stack is of before: who has
        # moved meanwhile, or is spoken to in another way, must not keep what was opened for how it was.
        home = backend.idle
        stream = self.connect(backend, preface)
        # After it stands: one that could not be had is a failure (`blame`), and no connection.
        self._counters.backend_connections += 1
        back = Back(stream, backend, self._deadlines, self._clock.now, self._age)
        back.home = home
        return back

    def connect(self, backend: LiveBackend, preface: Preface = b"") -> Stream:
        """The same, for no exchange: it is nobody's but the caller's. In plain text the preface leaves with what comes next."""
        family, address = backend.address
        dial = self.dials.get(backend.key[0])
        if dial is not None:
            return dial(backend, family, address, preface)
        stream = connect(family, address, self._hub)
        # One packet with the request, and no wait for a send of its own.
        stream.queued = preface if isinstance(preface, bytes) else preface(stream)
        return stream

    def give(self, back: Back) -> None:
        """Take a connection back after a whole exchange, with nothing left over on it. Who has answered before all of the request had left is not asked again."""
        backend, clock = back.backend, self._clock
        idle = backend.idle
        # A backend that has left, moved or gone over to TLS since must not be met by a connection of before; and an answer that came while
        # its request was still queued may be none to it.
        if backend.retired or back.stream.queued or idle is not back.home or (len(idle) >= self._size and not self._make_room(idle)):
            back.close()
            return
        back.deadline = clock.next + self._idle
        back.last_used = clock.now
        idle.append(back)
        # Last: an end that is here already is found in the next turn, when the connection is in the stack that it has to leave.
        back.stream.when_readable(back.leave)

    def _make_room(self, idle: list[Any]) -> bool:
        """Where there are too many, the oldest gives way."""
        if self._size:
            # At the bottom: last in, first out, it is the one that would hardly be used again.
            idle.pop(0).close()
        return self._size > 0
