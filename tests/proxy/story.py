"""Stories of the documents, told line by line to a worker's traffic: who asks, who takes it, what time does. docs/balancing.md shows how they are written.

Clients come over TCP, by the listener of the story and with the address that it says; backends are scripted, and time passes only when a line says so.
"""

import _socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
import re
import socket
from typing import Any

import gevent
from gevent.queue import Empty
from gevent.socket import create_connection

from sozu.command.addresses import parse_address
from sozu.command.certificates.sealing import TicketSecret
from sozu.command.facts import Backend, Frontend, Listener, Protocol
from sozu.command.state import ConfigState
from sozu.proxy.clock import TICK
from sozu.proxy.health.verdicts import Verdict
from sozu.proxy.tls.gate import Gate
from sozu.proxy.worker.ways import Way
from tests.proxy.lab import LISTENER, Lab, Peer, settle

PATIENCE = 60.0  # seconds
NUMBERS = count(1)
TAKEN = re.compile(r"(?P<who>\S+:\d+)(?: (?P<how>\.\.\.|\d+|nothing))?")


@dataclass
class Asked:
    """A request that is under way."""

    client: str
    number: int
    peer: Peer
    origin: Peer | None = None
    where: str = ""


@dataclass
class Story:
    """What has happened so far; `tell` adds a line."""

    lab: Lab
    state: ConfigState
    asked: list[Asked] = field(default_factory=list)
    tunnels: dict[str, Peer] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """What the worker is told at its start; a story without frontends sends all requests to its first cluster."""
        self.cluster = next(iter(self.state.clusters.values()))
        self.listener = next(iter(self.state.listeners.values()), Listener(protocol=Protocol.HTTP, address=LISTENER))
        self.lab.change(Frontend(cluster="c", hostname="*"), remove=True)  # the lab's own
        self.lab.traffic.registry.tick(self.lab.traffic.clock.now)
        self.lab.change(*self.state.facts())
        if not self.state.frontends:
            self.lab.change(Frontend(cluster=self.cluster.cluster, hostname="a.example"))
        self.way = Way(self.lab.traffic, Gate(self.lab.traffic, None, TicketSecret(b"")), self.listener)

    def tell(self, line: str) -> None:
        """Have it happen, and see that what follows is what the line says."""
        for pattern, told in LINES:
            if found := re.fullmatch(pattern, line):
                told(self, *found.groups())
                return
        raise AssertionError(f"nobody knows what this means: {line}")

    # ---- who is there ----

    def pass_time(self, seconds: str) -> None:
        self.lab.wait(float(seconds) + 2 * TICK)
        self.lab.traffic.registry.tick(self.lab.traffic.clock.now)
        settle()

    def refuse(self, address: str) -> None:
        self.lab.pool.refusing[address] = OSError()

    def accept(self, address: str) -> None:
        del self.lab.pool.refusing[address]

    def add(self, address: str) -> None:
        self.lab.change(Backend(cluster=self.cluster.cluster, address=address))

    def place(self, name: str, address: str) -> None:
        where = parse_address(address)
        for live in tuple(self.lab.traffic.registry):
            if live.name == name:
                self.lab.traffic.registry.place(live.key, ((where.family, where.sockaddr),))

    def check(self, address: str, outcome: str, times: str) -> None:
        health = self.cluster.health
        assert health is not None
        verdict = self.verdicts.setdefault(address, Verdict())
        for _ in range(int(times)):
            if verdict.hear(outcome == "passes", health):
                self.lab.traffic.registry.found((self.cluster.cluster, address), up=verdict.up)

    # ---- requests ----

    def connect(self, client: str, data: bytes) -> Peer:
        with socket.create_server(("127.0.0.1", 0)) as server:
            peer = Peer(create_connection(server.getsockname()))
            accepted, _ = server.accept()
        self.lab.peers.append(peer)
        peer.send(data)
        accepted.setblocking(False)
        raw = _socket.socket(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        self.lab.traffic.counters.connections_open += 1
        self.lab.traffic.hub.loop.run_callback(self.way, raw, (client, 4711), self.listener.address)
        return peer

    def ask(self, client: str, first: str | None, request: str | None, fields: str | None, outcome: str) -> None:
        number = next(NUMBERS)
        lines = [f"{request or 'GET /'} HTTP/1.1", "Host: a.example", f"X-Number: {number}", *re.split("; (?=[A-Z])", fields or ""), ""]
        head = "\r\n".join([line for line in lines if line] + ["", ""])
        header = "" if first is None else f"{first}\r\n"
        self.asked.append(Asked(client, number, self.connect(client, f"{header}{head}".encode())))
        self.expect(self.asked[-1], outcome)

    def go_on(self, client: str, outcome: str) -> None:
        self.expect(next(asked for asked in self.asked if asked.client == client), outcome)

    def ask_often(self, times: str, outcome: str) -> None:
        """So many requests, one after the other."""
        seen: Counter[str] = Counter()
        for _ in range(int(times)):
            peer = self.connect("192.0.2.1", b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
            address = self._taker()
            seen[address or peer.head().split()[1].decode()] += 1
        for who, about, number in re.findall(r"([^\s,]+) (about )?(\d+)(?:,|$)", outcome):
            assert abs(seen.pop(who, 0) - int(number)) <= (int(times) * 0.1 if about else 0), (who, outcome)
        assert not seen

    def _taker(self) -> str | None:
        settle()
        with suppress(Empty):
            address, origin = self.lab.pool.opened.get_nowait()
            origin.head()
            origin.send(b"HTTP/1.1 200 OK\r\nDate: now\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            settle()
            origin.close()
            return str(address)
        return None

    def expect(self, asked: Asked, outcome: str) -> None:
        """Who takes it, and how that ends; or what the client is told; or that nothing happens yet. Behind it, lines of the head that is received."""
        what, *lines = outcome.split(" | ")
        if what == "waits":
            assert self.lab.no_origin()
            assert asked.peer.is_open()
            return
        if taken := TAKEN.fullmatch(what):
            head = self._take(asked, taken["who"], taken["how"] or "200")
        else:
            head = self._told(asked, what)
        for line in lines:
            assert (line.removeprefix("-") in re.split("[\r\n,]+ ?", head)) is not line.startswith("-"), (line, head)

    def _take(self, asked: Asked, who: str, how: str) -> str:
        if asked.origin is None:
            address, asked.origin = self.lab.origin_at()
            assert address == who
            asked.where = who
        head = asked.origin.head().decode()
        assert f"X-Number: {asked.number}\r\n" in head, "somebody else's"
        if how == "nothing":
            asked.origin.close()
            self._told(asked, "502")
        elif how != "...":
            self.answer(who, how, asked.client)
        return head

    def answer(self, _: str, status: str | None, client: str) -> None:
        """The oldest request of this client there is answered."""
        asked = next(asked for asked in self.asked if asked.client == client and asked.origin is not None)
        assert asked.origin is not None
        asked.origin.send(b"HTTP/1.1 %b Well\r\nDate: now\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" % (status or "200").encode())
        self._told(asked, status or "200")

    def reply(self, address: str, status: str, fields: str | None) -> None:
        """What another cluster says to the question whether a request may pass."""
        asked = next(asked for asked in self.asked if asked.where == address)
        assert asked.origin is not None
        lines = [f"HTTP/1.1 {status} Well", "Date: now", "Connection: close", "Content-Length: 0", *re.split("; (?=[A-Z])", fields or "")]
        asked.origin.send("\r\n".join([*(line for line in lines if line), "", ""]).encode())
        asked.origin, asked.where = None, ""

    def _told(self, asked: Asked, status: str) -> str:
        self.asked.remove(asked)
        if status == "closed":
            assert asked.peer.rest() == b""
            return ""
        head = asked.peer.head().decode()
        body = asked.peer.received.decode()
        assert head.startswith(f"HTTP/1.1 {status} "), head
        settle()
        return f"{head}{body}"

    # ---- tunnels ----

    def open_tunnel(self, client: str, first: str | None, outcome: str) -> None:
        peer = self.tunnels[client] = self.connect(client, b"" if first is None else f"{first}\r\n".encode())
        if outcome == "closed":
            assert peer.rest() == b""
        else:
            address, self.tunnels[outcome] = self.lab.origin_at()
            assert address == outcome

    def hear(self, who: str, text: str) -> None:
        wanted = text.replace("\\r\\n", "\r\n").encode()
        assert self.tunnels[who].read(len(wanted)) == wanted

    def say(self, who: str, text: str, other: str, heard: str) -> None:
        self.tunnels[who].send(text.replace("\\r\\n", "\r\n").encode())
        self.hear(other, heard)

    def end(self, who: str, other: str) -> None:
        self.tunnels[who].end()
        with gevent.Timeout(PATIENCE):
            assert self.tunnels[other].rest() == b""

    def close(self, who: str, other: str) -> None:
        assert (self.tunnels[who].rest(), self.tunnels[other].rest()) == (b"", b"")


ADDRESS = r"(\S+:\d+)"
CLIENT = r"([\d.]+|[\da-f:]+)"
LINES: list[tuple[str, Callable[..., Any]]] = [
    (r"([\d.]+) seconds? pass(?:es)?", Story.pass_time),
    (rf"{ADDRESS} refuses", Story.refuse),
    (rf"{ADDRESS} accepts again", Story.accept),
    (rf"{ADDRESS} is added", Story.add),
    (rf"{ADDRESS} is at {ADDRESS}", Story.place),
    (rf"{ADDRESS} (passes|fails) (\d+) checks?", Story.check),
    (rf"{ADDRESS} answers(?: (\d+))? +-> {CLIENT}", Story.answer),
    (rf"{ADDRESS} replies (\d+)(?: ([A-Z].*: .*))?", Story.reply),
    (r"(\d+) requests +-> (.*)", Story.ask_often),
    (rf"{CLIENT} connects(?: with \"(PROXY .*)\")? +-> (.*)", Story.open_tunnel),
    (r"(\S+) hears \"(.*)\"", Story.hear),
    (r"(\S+) says \"(.*)\" +-> (\S+) hears \"(.*)\"", Story.say),
    (r"(\S+) ends its half +-> (\S+) hears the end", Story.end),
    (r"(\S+) and (\S+) are cut", Story.close),
    (rf"{CLIENT} still +-> (.*)", Story.go_on),
    (rf"{CLIENT}(?: \"(PROXY .*)\")?(?: ([A-Z]+ (?:/|http)\S*))?(?: ([A-Z].*?: .*?))? +-> (.*)", Story.ask),
]
