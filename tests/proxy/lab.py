"""A worker's traffic between scripted peers: the test plays the client and the backends, over socket pairs, on the loop of its own thread.

Time stands still unless the test lets it pass, so nothing here waits for a clock.
"""

import _socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
import os
import resource
import socket
import struct
from typing import Any

import gevent
from gevent import get_hub
from gevent.queue import Queue
from gevent.socket import create_connection
from gevent.socket import socket as cooperative

from sozu.command.draft import Change
from sozu.command.facts import Backend, Cluster, Frontend, Timeouts
from sozu.command.settings import Pool as Limits
from sozu.command.settings import Settings
from sozu.proxy.back import Back
from sozu.proxy.clock import Clock
from sozu.proxy.counters import Counters
from sozu.proxy.deadlines import Deadlines
from sozu.proxy.entry import AnyEntry, Entry
from sozu.proxy.heads import Memory
from sozu.proxy.pool import Pool
from sozu.proxy.registry import LiveBackend, Registry
from sozu.proxy.session import Session, serve_connection
from sozu.proxy.stream import Broken, Stream
from sozu.proxy.traffic import Traffic

PATIENCE = 60.0
LISTENER = "127.0.0.1:8080"
TIMEOUTS = Timeouts(request=10, front=60, back=30, connect=3)


def settle() -> None:
    """Let the loop run until nothing is ready any more."""
    for _ in range(4):
        gevent.idle()


class Peer:
    """The other end of one of our connections."""

    def __init__(self, sock: Any) -> None:
        self.sock = sock
        self.sock.settimeout(PATIENCE)
        self.received = b""

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def _receive(self) -> bytes:
        try:
            piece: bytes = self.sock.recv(65536)
        except ConnectionResetError:
            piece = b""
        self.received += piece
        return piece

    def read(self, size: int) -> bytes:
        while len(self.received) < size:
            assert self._receive(), f"the end came after {self.received!r}"
        data, self.received = self.received[:size], self.received[size:]
        return data

    def head(self) -> bytes:
        """Up to the next empty line."""
        while b"\r\n\r\n" not in self.received:
            assert self._receive(), f"the end came after {self.received!r}"
        return self.read(self.received.index(b"\r\n\r\n") + 4)

    def rest(self) -> bytes:
        """Up to the end of the connection."""
        while self._receive():
            settle()
        data, self.received = self.received, b""
        return data

    def rest_or_reset(self) -> tuple[bytes, bool]:
        """Up to the end of the connection, and whether that was a reset."""
        while True:
            try:
                piece = self.sock.recv(65536)
            except ConnectionResetError:
                return self.received, True
            self.received += piece
            if not piece:
                return self.received, False

    def answer(self) -> tuple[bytes, bytes]:
        """Head and body of an answer with a Content-Length."""
        head = self.head()
        return head, self.read(int(field(head, b"content-length")))

    def end(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)
        settle()

    def close(self) -> None:
        self.sock.close()
        settle()

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def is_open(self) -> bool:
        """Has our side neither ended nor sent anything?"""
        settle()
        self.sock.settimeout(0)
        try:
            return bool(self._receive())
        except BlockingIOError:
            return True
        finally:
            self.sock.settimeout(PATIENCE)


def field(head: bytes, name: bytes) -> bytes:
    """The value of a field that must be there once."""
    values = [line.partition(b":")[2].strip() for line in head.split(b"\r\n") if line.lower().startswith(name + b":")]
    assert len(values) == 1, (name, head)
    return values[0]


def names(head: bytes) -> list[bytes]:
    """The names of all fields, in lower case, in their order."""
    return [line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:-2]]


@contextmanager
def all_descriptors_taken() -> Iterator[None]:
    """None is free, but one that is closed meanwhile will be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    taken: list[int] = []
    try:
        with suppress(OSError):
            while True:
                taken.append(os.dup(0))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in taken:
            os.close(descriptor)


def roomy() -> Memory:
    """Room for some heads; what is forgotten is let go of at once."""
    return Memory(1 << 20, lambda callback: callback())


def pair() -> tuple[_socket.socket, Peer]:
    """(our end, raw and non-blocking; the peer's)."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    raw = _socket.socket(ours.family, ours.type, ours.proto, fileno=ours.detach())
    return raw, Peer(cooperative(theirs.family, theirs.type, theirs.proto, fileno=theirs.detach()))


def client_over_tcp(traffic: Traffic, data: bytes = b"") -> Peer:
    """A client over TCP that sends this; then its other end is served."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = create_connection(listener.getsockname())
        accepted, peer = listener.accept()
    client.sendall(data)
    accepted.setblocking(False)
    raw = _socket.socket(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
    traffic.counters.connections_open += 1
    traffic.hub.loop.run_callback(serve_connection, traffic, raw, peer, LISTENER)
    settle()
    return Peer(client)


class ScriptedPool(Pool):
    """Opens socket pairs, and hands their other ends to the test."""

    def __init__(self, clock: Clock, deadlines: Deadlines, counters: Counters, limits: Limits) -> None:
        super().__init__(get_hub(), clock, deadlines, counters, limits)
        self.watch = deadlines
        self.time = clock
        self.opened: Queue[tuple[str, Peer]] = Queue()
        self.refusing: dict[str, Exception | None] = {}

    def open(self, backend: LiveBackend, preface: bytes = b"") -> Back:
        address = backend.fact.address
        if address in self.refusing:
            failure = self.refusing[address]
            if failure is None:
                get_hub().switch()  # until somebody throws
            raise Broken(self, ConnectionRefusedError(111, "")) from failure
        sock, peer = pair()
        self.opened.put((address, peer))
        stream = Stream(sock, get_hub())
        stream.queued = preface
        return Back(stream, backend, self.watch, self.time.now, self._age)


class Log:
    """An access log that keeps the entries."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def record(self, entries: Sequence[AnyEntry]) -> None:
        self.entries += map(Entry._make, entries)


class Lab:
    def __init__(self, backends: tuple[str, ...] = ("10.0.0.1:80",), **settings: Any) -> None:
        self.log = Log()
        made = Settings(command_socket="", journal="", **{"timeouts": TIMEOUTS} | settings)
        self.traffic = Traffic(made, Registry(), Counters(), self.log)  # type: ignore[arg-type]
        self.pool = ScriptedPool(self.traffic.clock, self.traffic.deadlines, self.traffic.counters, made.pool)
        self.traffic.pool = self.pool
        self.peers: list[Peer] = []
        self.change(Cluster(cluster="c"), Frontend(cluster="c", hostname="*"))
        self.change(*[Backend(cluster="c", address=address) for address in backends])

    def change(self, *facts: Any, remove: bool = False) -> None:
        effects = [Change(fact, None) if remove else Change(None, fact) for fact in facts]
        draft = self.traffic.registry.draft()
        draft.after(effects)
        self.traffic.registry.publish(draft)
        self.traffic.routes = self.traffic.routes.after(effects)

    def client(self, data: bytes = b"", *, name: bytes = b"192.0.2.1:4711") -> Peer:
        """A new client that sends this."""
        sock, peer = pair()
        self.traffic.counters.connections_open += 1
        Session(self.traffic, Stream(sock, self.traffic.hub), name, self.traffic.entrances[LISTENER], self.traffic.counters.connections_accepted)
        self.peers.append(peer)
        peer.send(data)
        return peer

    def origin(self) -> Peer:
        """The next connection to a backend."""
        return self.origin_at()[1]

    def origin_at(self) -> tuple[str, Peer]:
        address, peer = self.pool.opened.get(timeout=PATIENCE)
        self.peers.append(peer)
        return address, peer

    def exchange(self, request: bytes) -> tuple[Peer, Peer, bytes]:
        """Client, origin, and the head that came there."""
        client = self.client(request)
        origin = self.origin()
        return client, origin, origin.head()

    def no_origin(self) -> bool:
        settle()
        return self.pool.opened.empty()

    def backend(self, address: str = "10.0.0.1:80") -> LiveBackend:
        live = self.traffic.registry.find(("c", address))
        assert live is not None
        return live

    def wait(self, seconds: float) -> None:
        """Let time pass, and have who is late told."""
        settle()
        self.traffic.clock.set(self.traffic.clock.now + seconds)
        self.traffic.hub.loop.run_callback(self.traffic.deadlines.sweep)
        settle()

    def session(self) -> Session:
        """The one session that is open."""
        (session,) = self.traffic.sessions
        assert isinstance(session, Session)
        return session

    def entry(self) -> Entry:
        """The one exchange that has ended."""
        settle()
        (entry,) = self.log.entries
        return entry

    def end(self) -> None:
        for peer in self.peers:
            peer.sock.close()
        settle()
        for session in tuple(self.traffic.sessions):
            session.close()
        for roster in self.traffic.registry.rosters.values():
            for live in roster.members.values():
                live.shares = False  # nobody is left to share with
                live.retire()
        while not self.pool.opened.empty():
            self.pool.opened.get()[1].close()
        settle()
        assert not self.traffic.sessions, "sessions outlive their clients"
        assert not self.traffic.deadlines.watched, "connections outlive their peers"
        assert self.traffic.counters.connections_open == 0


@contextmanager
def opened(lab: Lab) -> Iterator[Lab]:
    """A lab that is left clean."""
    try:
        yield lab
    finally:
        lab.end()
