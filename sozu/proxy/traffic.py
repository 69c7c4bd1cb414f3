"""What all sessions of a worker share: the tables that transactions replace, the live things, the clock, the counters.

A worker has one Traffic. `registry`, `counters` and the clock live as long as it; `routes` is swapped whole by each transaction, so an exchange
reads it once. `draining` asks the sessions to end after what they are doing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import chain, count, repeat
from operator import add
from os import urandom
from typing import Final, Protocol

from gevent import get_hub
from gevent.hub import Hub
import msgspec

from sozu.command.routes import RouteTable
from sozu.command.settings import Settings
from sozu.parsers.views import RequestView, ResponseView, ViewParser
from sozu.proxy.access_log import AccessLog, NoLog
from sozu.proxy.clock import Clock
from sozu.proxy.counters import Counters
from sozu.proxy.deadlines import Deadlines, Watched
from sozu.proxy.edits import Desk
from sozu.proxy.forwarding import added_origin, completed, origin_fields, told_scheme
from sozu.proxy.heads import LONGEST_REMEMBERED, REQUEST_VIEW, RESPONSE_VIEW, TRUSTING_VIEW, Heads, Memory
from sozu.proxy.loop.outbox import Outbox
from sozu.proxy.loop.spares import Spares
from sozu.proxy.meaning import Answered, Asked, understand_request, understand_response
from sozu.proxy.pool import Pool
from sozu.proxy.record import Books
from sozu.proxy.registry import Registry
from sozu.proxy.stream import Stream

# The lines of those who asked last: with each idle connection they would double what it costs.
ORIGINS: Final = 1024  # clients
REQUESTS_MEMORY, RESPONSES_MEMORY = 16 << 20, 1 << 20  # bytes: each of ten thousand hosts may be asked something again and again
ENDS: Final = tuple(b"%02x" % number for number in range(256))


def request_ids(prefix: bytes) -> Iterator[bytes]:
    """The prefix with one hexadecimal number after the other. No line of ours runs for each, but for one in 256."""

    def block(number: int) -> Iterator[bytes]:
        # The number's last two digits come from a table: map, repeat and add are C, so that an id costs no line of Python.
        return map(add, repeat(b"%b%x" % (prefix, number)), ENDS)

    return chain.from_iterable(map(block, count()))


class Session(Protocol):
    """A client's connection, as those who end it see it. Neither call switches greenlets."""

    @property
    def idle_since(self) -> float:
        """Since when nothing has happened on it; infinite while something does."""

    def drain(self) -> None:
        """Close if idle; else end with the exchange that is running."""

    def close(self) -> None:
        """Cut, whatever is running."""


class WatchedSession(Session, Watched, Protocol):
    """The same, as a worker has them: with a deadline, and a stream to the client."""

    stream: Stream

    def throw(self, failure: Exception) -> None:
        """Raise in the greenlet of the running exchange, where it waits. Called in the hub."""

    @property
    def listener(self) -> str:
        """The address of the listener by which it came."""


class Entrance(Heads[RequestView, Asked]):
    """What is known where requests come in, at one listener: what their heads mean, and the lines that tell who its last clients are.

    Kept with each connection, also the idle ones, those lines would double what it costs.
    """

    __slots__ = ("listener", "origins")

    def __init__(
        self,
        listener: str,
        understand: Callable[[RequestView], Asked],
        origin: Callable[[bytes], bytes],
        memory: Memory,
        view: ViewParser[RequestView] = REQUEST_VIEW,
    ) -> None:
        super().__init__(view, understand, memory)
        self.listener = listener
        self.origins = lru_cache(ORIGINS)(origin)

    def take(self, stream: Stream, data: bytes) -> Asked | None:
        """See Heads. Most requests have no body: they are nothing but a head."""
        # All that has come is looked up before anybody looks for the end of the head in it: one search less for nearly all requests.
        if len(data) <= LONGEST_REMEMBERED and (asked := self.known.get(data)) is not None:
            return asked
        # By its name: super() makes an object for each call.
        return Heads.take(self, stream, data)


class Entrances(dict[str, Entrance]):
    """The entrances, by listener. What is remembered at them holds for one table of routes, and for the rosters that were published with it."""

    def __init__(self, settings: Settings, registry: Registry, memory: Memory) -> None:
        super().__init__()
        self.routes = RouteTable()
        self.settings = settings
        self.registry = registry
        self.memory = memory

    def __missing__(self, listener: str) -> Entrance:
        """Made when the first request comes there."""

        # Both look the tables up when they are called: an entrance outlives them, and every session holds it.
        def understand(view: RequestView) -> Asked:
            return understand_request(view, listener, self.routes, self.settings, b"http", self.registry.rosters)

        def origin(client: bytes) -> bytes:
            return origin_fields(client, b"http", listener)

        entrance = self[listener] = Entrance(listener, understand, origin, self.memory)
        return entrance

    def follow(self, routes: RouteTable, settings: Settings) -> None:
        """From now on this table and these settings hold."""
        self.routes, self.settings = routes, settings
        # After the swap and without a switch in between: a head that was understood by the old tables must not be remembered as by the new ones.
        self.memory.forget()


class TrustingEntrances(Entrances):
    """Those by which trusted proxies come in: what they say of their clients is passed on, and they themselves are added to it."""

    def __missing__(self, listener: str) -> Entrance:
        """As in Entrances."""

        def understand(view: RequestView) -> Asked:
            # By the scheme that the proxy tells: behind one that ends TLS, `{scheme}` and hsts would otherwise go by our plain connection.
            asked = understand_request(view, listener, self.routes, self.settings, told_scheme(view, b"http"), self.registry.rosters)
            return msgspec.structs.replace(asked, head=completed(asked.head, b"http", listener))

        def origin(client: bytes) -> bytes:
            return added_origin(client, listener)

        entrance = self[listener] = Entrance(listener, understand, origin, self.memory, TRUSTING_VIEW)
        return entrance


@dataclass(slots=True)
class Traffic:
    """See the module. `start` begins to keep time."""

    settings: Settings
    registry: Registry
    counters: Counters
    access_log: AccessLog | NoLog
    slot: int = 0
    draining: bool = False
    # bool() is False: a Traffic without an accept loop has nothing to give.
    spare: Callable[[], bool] = bool  # asked for a descriptor when none is left: has one been given free?
    sessions: set[WatchedSession] = field(default_factory=set)
    hub: Hub = field(default_factory=get_hub)
    clock: Clock = field(default_factory=Clock)
    desk: Desk = field(default_factory=Desk)
    deadlines: Deadlines = field(init=False)
    books: Books = field(init=False)
    outbox: Outbox = field(init=False)
    spares: Spares = field(init=False)
    pool: Pool = field(init=False)
    entrances: Entrances = field(init=False)
    trusting: TrustingEntrances = field(init=False)
    responses: Heads[ResponseView, Answered] = field(init=False)
    ids: Iterator[bytes] = field(init=False)  # of requests, unique among all workers everywhere for practical purposes

    def __post_init__(self) -> None:
        self.desk.rates.workers = self.settings.workers
        # The set itself and no copy: sessions join and leave it, and the sweep sees who is there.
        self.deadlines = Deadlines(self.clock, self.sessions)
        self.books = Books(self.hub, self.counters, self.access_log)
        self.outbox = Outbox(self.hub)
        self.spares = Spares(self.hub)
        self.pool = Pool(self.hub, self.clock, self.deadlines, self.counters, self.settings.pool)
        later = self.hub.loop.run_callback
        # One room for the heads of all entrances: had each its own, the 256 that TLS may have could fill as many.
        memory = Memory(REQUESTS_MEMORY, later)
        self.entrances = Entrances(self.settings, self.registry, memory)
        self.trusting = TrustingEntrances(self.settings, self.registry, memory)
        # Responses have a room of their own: no table of routes says what they mean, so they are not forgotten with each transaction.
        self.responses = Heads(RESPONSE_VIEW, partial(understand_response, name=self.settings.via), Memory(RESPONSES_MEMORY, later))
        self.ids = request_ids(b"%b-%d-" % (urandom(6).hex().encode(), self.slot))  # random: ids of restarted workers and of other machines differ

    @property
    def routes(self) -> RouteTable:
        """Where requests go now."""
        return self.entrances.routes

    @routes.setter
    def routes(self, routes: RouteTable) -> None:
        for entrances in (self.entrances, self.trusting):
            entrances.follow(routes, self.settings)

    def heed(self, settings: Settings) -> None:
        """From now on these settings hold, for whatever begins."""
        self.settings = settings
        # The same routes once more: timeouts and rates are remembered with the heads, so these have to be forgotten.
        for entrances in (self.entrances, self.trusting):
            entrances.follow(self.routes, settings)

    def start(self) -> None:
        """Keep time: tick and expire who is late."""
        self.clock.each_tick(self.deadlines.sweep)
        self.clock.each_tick(lambda: self.registry.tick(self.clock.now))
        self.clock.start(self.hub)

    def stop(self) -> None:
        """Keep time no more."""
        self.clock.stop()
