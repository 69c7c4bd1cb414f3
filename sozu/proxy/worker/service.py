"""What a worker serves with: traffic and its tables, the accept loop, the listening sockets; as one thing to command.

It knows no message and no channel: `life` translates. It is made once, with the settings, and lives as long as the process.
"""

import _socket
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
import logging
from typing import Any

from gevent import get_hub

from sozu.command.certificates.sealing import TicketSecret
from sozu.command.facts import AnyFact, Backend, Frontend, Listener
from sozu.command.orders import AnyOrder
from sozu.command.rules.limits import MOST_CONNECTIONS
from sozu.command.settings import Settings, in_force
from sozu.command.state import ConfigState, FrontendKey, digest
from sozu.command.worker_protocol import ListenerName
from sozu.proxy.access_log import AccessLog, NoLog
from sozu.proxy.counters import Counters
from sozu.proxy.edits.common_rates import CommonRates
from sozu.proxy.health import Rounds
from sozu.proxy.health.rounds import Tell as Verdicts
from sozu.proxy.health.rounds import is_checked
from sozu.proxy.loop.breath import Breath, pause
from sozu.proxy.loop.landing import forget_if_idle
from sozu.proxy.names import Names
from sozu.proxy.names.following import users_of
from sozu.proxy.registry import BackendKey, LiveBackend, Registry
from sozu.proxy.session import serve_connection
from sozu.proxy.tls.gate import Gate
from sozu.proxy.tls.openssl import probe
from sozu.proxy.traffic import Traffic
from sozu.proxy.worker.accept import AcceptLoop
from sozu.proxy.worker.bequeathing import Way, seat
from sozu.proxy.worker.departures import Departures
from sozu.proxy.worker.drain import drain_sessions
from sozu.proxy.worker.eviction import evict
from sozu.proxy.worker.gauges import gauges
from sozu.proxy.worker.heap import Heap, malloc_trim
from sozu.proxy.worker.leaving import Leaving
from sozu.proxy.worker.news import HealthNews
from sozu.proxy.worker.news import Tell as News
from sozu.proxy.worker.reserve import sessions_at_most
from sozu.proxy.worker.transactions import Transactions, is_noted
from sozu.proxy.worker.watch import Tell, watch_backend, watch_sessions
from sozu.proxy.worker.ways import way_of

log = logging.getLogger("sozu.proxy")

_LAST_LINES = 1.0  # seconds that a slow log may cost a worker at its end
LIMIT_OF_FILES = "the hard limit of open files: ulimit -Hn, LimitNOFILE= of a unit, --ulimit nofile= of a container"


class Service:
    """A worker's traffic. `log_descriptor` is the access log's, if there is one, and owned from now on."""

    def __init__(self, settings: Settings, slot: int, log_descriptor: int | None, ticket_secret: TicketSecret) -> None:
        counters = Counters()
        self._traffic = Traffic(settings, Registry(settings.workers), counters, _access_log(settings, log_descriptor, counters, slot), slot)
        self._leaving = Leaving(self._traffic)
        self._traffic.clock.each_tick(self._leaving.look)
        self._transactions = Transactions(self._traffic, Breath(self.let_traffic_run), is_noted)
        serve = partial(serve_connection, self._traffic)
        self._gate = Gate(self._traffic, probe(), ticket_secret)
        self._settings = settings  # as at the start
        self._most_sessions = sessions_at_most(MOST_CONNECTIONS)
        self._accepting = AcceptLoop(get_hub(), counters, self._sessions_of(settings), serve, self._make_room)
        self._traffic.spare = self._accepting.spare
        self._sockets: dict[str, _socket.socket] = {}  # given, and not (yet) accepted on
        self.rounds = Rounds(self._traffic.registry, self._traffic.pool.connect)
        self._names = Names(self._traffic.registry)
        self._followed: dict[str, Listener] = {}
        self._serving = False
        logging.getLogger("sozu").setLevel(settings.log_level.upper())
        self._traffic.clock.each_tick(self._traffic.access_log.flush)
        self._traffic.clock.each_tick(self._accepting.look_again)
        self._traffic.clock.each_tick(Departures(self._traffic.sessions, counters).look)
        self._heap = Heap(counters, malloc_trim())
        self._traffic.clock.each_tick(self._heap.look)
        self._traffic.clock.each_tick(self._gate.look)
        self._traffic.clock.each_tick(partial(forget_if_idle, counters))
        self._traffic.start()

    @property
    def revision(self) -> int:
        """Of the configuration that traffic meets now."""
        return self._transactions.state.revision

    @property
    def state(self) -> ConfigState:
        """What traffic meets now."""
        return self._transactions.state

    @property
    def settings(self) -> Settings:
        """As at the start."""
        return self._settings

    def accepting(self) -> dict[ListenerName, int]:
        """The listening sockets that connections are taken from, those that were lent first; they stay ours."""
        listeners, own = self._transactions.state.listeners.values(), self._accepting.descriptors
        protocols = {each.address: each.protocol for each in listeners}
        lent = {ListenerName(protocols[address], address, slot): number for slot, address, number in self._accepting.borrowed if address in protocols}
        return lent | {ListenerName(protocols[address], address): number for address, number in own.items() if address in protocols}

    def give(self, listener: str, descriptor: int) -> None:
        """Take the listening socket of this listener; it opens when the configuration names it."""
        if listener in self._sockets:
            self._sockets[listener].close()
        self._sockets[listener] = _socket.socket(fileno=descriptor)

    def take(self, given: Mapping[str, int], lender: int | None) -> None:
        """Listening sockets by listener: ours to keep, or lent by a slot that nobody fills; with none of these its loan has ended."""
        if lender is None:
            for listener, descriptor in given.items():
                self.give(listener, descriptor)
            return
        self._accepting.give_back(lender)
        for listener, descriptor in given.items():
            self._accepting.borrow(lender, listener, _socket.socket(fileno=descriptor))

    def let_traffic_run(self) -> None:
        """Between two bits of what takes long."""
        pause(anybody=self._traffic.counters.connections_open > 0)

    def collect(self, orders: Sequence[AnyOrder | AnyFact]) -> None:
        """A part of what the next `publish` will carry out."""
        self._transactions.collect(orders)

    def publish(self, revision: int, orders: Sequence[AnyOrder]) -> None:
        """Follow the master to this revision. Raises Objection, and then nothing has changed."""
        size = self._transactions.state.size
        with self._heap.spare(self._transactions.waiting + len(orders)):
            self._follow(revision, orders)
            self._transactions.settle()
        self._heap.shrunk(size - self._transactions.state.size, self._transactions.pack)

    def _follow(self, revision: int, orders: Sequence[AnyOrder]) -> None:
        before = self._transactions.state
        # The old table, taken before it is replaced: only that one tells which requests came by a frontend that goes.
        routes = self._traffic.routes
        changes = self._transactions.apply(revision, orders)
        state = self._transactions.state
        removed = {change.before.key for change in changes if isinstance(change.before, Frontend)}
        self._leaving.note({key for key in removed if key not in state.frontends}, routes)
        self._gate.follow(changes, self._transactions.state.listeners.values())
        if state.override != before.override:
            self._heed(in_force(self._settings, self._transactions.state.override))
        sides = [side for change in changes for side in (change.before, change.after) if side is not None]
        # Each of these looks at all backends, which one diff among ten thousand need not pay for.
        if users_of(side for side in sides if isinstance(side, Backend)):
            self._names.follow(state)
        if any(is_checked(side, state) for side in sides):
            self.rounds.follow(state)
        if self._serving:
            self._follow_listeners()

    def serve(self, news: News, verdicts: Verdicts) -> None:
        """Accept, from now on, wherever the configuration says; what happens to backends is told to `news`, what checks find to `verdicts`."""
        self.rounds.tell = verdicts
        self._traffic.clock.each_tick(HealthNews(self._traffic.registry, news).look)
        self._serving = True
        self._follow_listeners()

    def _follow_listeners(self) -> None:
        listeners = self._transactions.state.listeners
        wanted = {address for address, listener in listeners.items() if listener.active}
        for address in self._accepting.listeners - wanted:
            self._accepting.close(address)
            self._followed.pop(address, None)
            if address not in listeners:
                self._dismiss(address)
        for address in wanted - self._accepting.listeners:
            if address in self._sockets:
                self._accepting.open(address, self._sockets.pop(address))
            else:
                log.error("event=no_socket listener=%s", address)
        for address in self._accepting.listeners:
            self._follow_listener(listeners[address])

    def _follow_listener(self, listener: Listener) -> None:
        if listener != self._followed.get(listener.address):
            self._followed[listener.address] = listener
            self._accepting.serve_by(listener.address, way_of(self._traffic, self._gate, listener))

    def _dismiss(self, listener: str) -> None:
        """Those who are in by this listener may end what they are doing."""
        for session in tuple(self._traffic.sessions):
            if session.listener == listener:
                session.drain()

    def _count_on(self, listener: str) -> int:
        return sum(session.listener == listener for session in self._traffic.sessions)

    def _heed(self, settings: Settings) -> None:
        self._traffic.heed(settings)
        self._accepting.allow(self._sessions_of(settings))
        logging.getLogger("sozu").setLevel(settings.log_level.upper())

    def _sessions_of(self, settings: Settings) -> int:
        most = min(settings.max_connections, self._most_sessions)
        if most < settings.max_connections:
            log.warning("event=too_few_descriptors max_connections=%d instead=%d raise=%r", settings.max_connections, most, LIMIT_OF_FILES)
        return most

    def _make_room(self) -> int:
        return evict(self._traffic.sessions, self._traffic.clock.now)

    def apportion(self, workers: int, rates: int | None) -> None:
        """Limits are divided among so many workers; rates are counted in the memory of this descriptor, if there is one."""
        self._traffic.registry.divide(workers)
        self._traffic.desk.rates.workers = workers
        if rates is not None:
            self._traffic.desk.rates.common = CommonRates(rates)

    def watch(self, key: BackendKey, tell: Tell) -> None:
        """See watch_backend; returns when the last word was told."""
        watch_backend(self._traffic.registry, key, tell)

    def watch_listener(self, address: str, tell: Tell) -> None:
        """Tell when its last session has ended; ERROR while it accepts."""
        watch_sessions(partial(self._count_on, address), tell, ending=address not in self._accepting.listeners)

    def watch_frontend(self, frontend: FrontendKey, tell: Tell) -> None:
        """Tell when the last exchange that came through it has ended; ERROR while it takes requests."""
        watch_sessions(partial(self._leaving.count, frontend), tell, ending=frontend not in self._transactions.state.frontends)

    def still_running(self) -> list[BackendKey]:
        """The backends that left with the last `publish`, and still have exchanges."""
        return self._traffic.registry.left_running

    def digest(self) -> str:
        """What AskDigest wants."""
        return digest(self._transactions.state)

    def backends(self, clusters: Collection[str]) -> list[dict[str, Any]]:
        """What AskBackends wants."""
        live = self._traffic.registry
        return [_row(each) for each in live if not clusters or each.key[0] in clusters]

    def status(self) -> dict[str, Any]:
        """What AskStatus wants, but for the process."""
        counters = self._traffic.counters
        self._traffic.books.settle()
        return {
            "connections": counters.connections_open,
            "exchanges": counters.exchanges_open,
            "requests": counters.requests,
            "accepting": bool(self._accepting.listeners),
            "tls_resumption": self._gate.resumes,
            "troubled": self._traffic.registry.troubled(),
        }

    def metrics(self) -> dict[str, Any]:
        """What AskMetrics wants."""
        self._traffic.books.settle()
        self._traffic.access_log.flush()
        return {**self._traffic.counters.snapshot(), **gauges(self._traffic), "backends": self._traffic.registry.troubles()}

    def reopen_log(self, descriptor: int) -> None:
        """Write the access log there from now on."""
        self._traffic.books.settle()
        self._traffic.access_log.reopen(descriptor)

    def inherit(self, way: Way) -> None:
        """Serve the clients who come from another worker, until it has ended."""
        for guest, sock in way.guests():
            if self._accepting.has_room():
                seat(self._traffic, self._transactions.state.listeners.get(guest.listener), sock, guest)
            else:
                sock.close()

    def drain(self, remaining: Callable[[], float], heir: Way | None = None) -> int:
        """Stop accepting, let sessions go or end while `remaining()` says so, cut the rest; returns how many were cut."""
        # First: a transaction that comes during the drain must open no listener again.
        self._serving = False
        self.rounds.run(running=False)
        self._traffic.draining = True
        self._accepting.close_all()
        cut = drain_sessions(self._traffic.sessions, remaining, heir)
        self._traffic.books.settle()
        self._traffic.access_log.close(_LAST_LINES)
        return cut


def _row(backend: LiveBackend) -> dict[str, Any]:
    cluster, address = backend.key
    counts = {"exchanges": backend.exchanges, "tunnels": backend.tunnels, "idle": len(backend.idle)}
    trouble = backend.trouble
    return {"cluster": cluster, "address": address, **counts, **{kind: trouble == kind for kind in ("down", "resting", "pending")}}


def _access_log(settings: Settings, descriptor: int | None, counters: Counters, slot: int) -> AccessLog | NoLog:
    if settings.access_log is None or descriptor is None:
        return NoLog()
    return AccessLog(descriptor, settings.access_log.format, counters, slot)

