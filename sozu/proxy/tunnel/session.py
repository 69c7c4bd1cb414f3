"""One connection of a TCP listener, from its accept to its end. It is balanced, bounded, counted, logged and drained like an HTTP exchange.

Each side may end its half and go on reading (half-close); who is silent both ways for the front's time is cut. A drain lets a tunnel run until the
grace is over: there is no good moment to end what we do not understand.
"""

from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from greenlet import getcurrent

from sozu.command.facts import Timeouts
from sozu.command.state import FrontendKey
from sozu.parsers.body import NO_BODY
from sozu.parsers.views import RequestView
from sozu.proxy.back import Back
from sozu.proxy.bodies import Pace, relay
from sozu.proxy.deadlines import NEVER, Late
from sozu.proxy.entry import Texts
from sozu.proxy.failures import ClientGone, Failure
from sozu.proxy.meaning import Asked
from sozu.proxy.reaching import Counted, reach_anew
from sozu.proxy.record import Record
from sozu.proxy.stream import Broken, Stream
from sozu.proxy.traffic import Traffic
from sozu.proxy.tunnel.flow import Flow
from sozu.proxy.upload import Upload

NOTHING_READ: Final = Texts()
NOTHING_ASKED: Final = RequestView(b"", b"", b"", 1)


@dataclass(frozen=True, slots=True)
class Course:
    """By which listener a tunnel comes, to which cluster it goes, and whether its client asked for a name in a ClientHello, by which a frontend sent it.

    `destination` is where the client went: the listener, unless the proxy before us says otherwise.
    """

    listener: str
    cluster: str | None
    server_name: str | None = None
    frontend: FrontendKey | None = None
    destination: str = ""


class _Record(Record):
    """With whom the tunnel is counted."""

    __slots__ = ("counted",)

    def __init__(self, request_id: bytes, session: int, client: bytes, server_name: str | None, started: float) -> None:
        texts = NOTHING_READ if server_name is None else Texts(sni=server_name.encode("ascii"))
        super().__init__(request_id, session, client, texts, started)
        self.counted: Counted | None = None


class TunnelSession:
    """See the module; `drain` and `close` are for those who end sessions from outside. It begins to run when it is made."""

    __slots__ = ("_cluster", "_greenlet", "_record", "_timeouts", "_traffic", "client", "deadline", "destination", "frontend", "listener", "stream")

    def __init__(self, traffic: Traffic, stream: Stream, client: bytes, course: Course, number: int) -> None:
        self._traffic = traffic
        self._cluster = course.cluster
        self._greenlet: Any = None
        # Before the cluster is reached: what fails there is a line of the log too, with its client and how long it took.
        self._record = _Record(next(traffic.ids), number, client, course.server_name, monotonic())
        self._timeouts = self._timeouts_of(course.cluster)
        self.stream = stream
        self.client = client
        self.frontend = course.frontend
        self.listener = course.listener
        self.destination = course.destination or course.listener
        self.deadline = NEVER
        traffic.sessions.add(self)
        traffic.counters.exchanges_open += 1
        # Last: it runs at once, up to the first place where it parks, and may end there and then.
        traffic.spares.run(self._serve)

    def _timeouts_of(self, cluster: str | None) -> Timeouts:
        roster = self._traffic.registry.rosters.get(cluster or "")
        own = None if roster is None else roster.cluster.timeouts
        return own or self._traffic.settings.timeouts

    def _serve(self) -> None:
        self._greenlet = getcurrent()
        record = self._record
        record.cluster = self._cluster
        try:
            # Never a connection of the pool: HTTP has been spoken on it already, and what this tunnel's protocol is begins with its first byte.
            self._relay(reach_anew(self._traffic, self, record, Asked(NOTHING_ASKED, NO_BODY, NOTHING_READ, timeouts=self._timeouts)))
        except Failure as failure:
            record.ended, record.status = str(failure), failure.status
        except Broken as broken:
            record.ended = f"{'client' if broken.stream is self.stream else 'backend'}: {broken}"
        except Late:
            record.ended = "the tunnel was idle for too long"
        finally:
            # Before the end is written down: a deadline that strikes now has nobody to be thrown into, and the greenlet goes back to the spares.
            self._greenlet = None
            self._end()

    def _relay(self, back: Back) -> None:
        """Both ways until both have ended."""
        traffic, record, seconds = self._traffic, self._record, self._timeouts.front
        # Both move the one deadline of this session, so silence counts only where it is on both ways: a download of an hour sends nothing up.
        up, down = Pace(self, traffic.clock, seconds, seconds), Pace(self, traffic.clock, seconds, seconds)
        upload = Upload(Flow(self.stream, back.stream, up), back.stream, up, traffic.hub, self.throw, half_close=True)
        # Up is the other greenlet's and down is ours: with one greenlet for both, a side that does not read would hold up the other way too.
        back.backend.tunnels += 1
        try:
            # The PROXY header waits there for the client's first bytes; where the server speaks first there would be none before it has spoken.
            back.stream.flush()
            upload.start(traffic.spares)
            relay(Flow(back.stream, self.stream, down), self.stream, down)
            # Half a close and not a whole one: a client may still be sending what the server wants to hear.
            self.stream.end()
            upload.wait()
        finally:
            self.deadline = NEVER
            try:
                # Until it has ended it touches both streams, and waiting for that is no time for a deadline (`NEVER` above).
                upload.stop()
            finally:
                # Also where a worker that cuts its last sessions throws into that very wait.
                back.backend.tunnels -= 1
                back.close()
                record.bytes_in, record.bytes_out = up.count, down.count

    def _end(self) -> None:
        traffic, record = self._traffic, self._record
        # After the backend's connection is closed: the last one that is counted out may be what an operator waits for before he switches the backend off.
        if record.counted is not None:
            record.counted.end()
        traffic.sessions.remove(self)
        traffic.counters.exchanges_open -= 1
        traffic.counters.connections_open -= 1
        self.stream.close()
        record.close(traffic.books)

    # ---- from outside ----

    @property
    def idle_since(self) -> float:
        """A tunnel is never idle: who is silent may be waiting for something."""
        return NEVER

    def expire(self) -> None:
        """The deadline has passed."""
        self.deadline = NEVER
        self.throw(Late())

    def throw(self, failure: Exception) -> None:
        """Raise in the tunnel's greenlet, where it waits. Called in the hub."""
        if self._greenlet is not None:
            self._greenlet.throw(failure)

    def drain(self) -> None:
        """Go on until the grace is over."""

    def close(self) -> None:
        """End now."""
        # From the hub: a greenlet that is thrown into leaves to the hub when it parks again, and whoever threw from elsewhere would never be gone on with.
        self._traffic.hub.loop.run_callback(self.throw, ClientGone("closed by the proxy"))

