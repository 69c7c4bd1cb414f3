"""The same story told twice: with errands, and with a greenlet for every exchange. What clients, backends, the log and the counters see must be the same.

Stories are random, and the same in every run. What goes on in one beat happens in one turn of the loop; after it everything is looked at.
"""

from collections.abc import Sequence
from contextlib import suppress
from os import dup
from random import Random
import re
from socket import SHUT_WR, SO_SNDBUF, SOL_SOCKET, socket
from typing import Any

from msgspec.structs import replace
import pytest

from sozu.command.facts import Backend, Cluster, Frontend, Timeouts
from sozu.proxy.failures import ClientGone
from sozu.proxy.meaning import understand_request
from sozu.proxy.session import Session
from sozu.proxy.traffic import request_ids
from sozu.proxy.worker.eviction import evict
from tests.proxy.lab import Lab, Peer, opened, settle

Beat = Sequence[tuple[str, int, Any]]  # what is done, to whom (modulo how many there are), and with what

HEAD = b" HTTP/1.1\r\nHost: %b\r\n"
REQUESTS = [
    *[b"GET /%d" + HEAD + b"\r\n"] * 40,
    b"HEAD /%d" + HEAD + b"\r\n",
    b"POST /%d" + HEAD + b"\r\n",
    b"POST /%d" + HEAD + b"Content-Length: 0\r\n\r\n",
    b"POST /%d" + HEAD + b"Content-Length: 4\r\n\r\nbody",
    b"GET /%d" + HEAD + b"Connection: close\r\n\r\n",
    b"GET /%d" + HEAD + b"Connection: upgrade\r\nUpgrade: echo\r\n\r\n",
    b"GET /%d HTTP/1.0\r\nHost: %b\r\n\r\n",
    b"GET /%d" + HEAD + b"X: " + bytes(20_000).replace(b"\0", b"x") + b"\r\n\r\n",
    b"TRACE /%d" + HEAD + b"Max-Forwards: 0\r\n\r\n",
    b"GET /%d HTTP/1.1\r\n %b\r\n\r\n",
]
OK = b"HTTP/1.1 200 OK\r\nDate: now\r\n"
ANSWERS = [
    *[OK + b"Content-Length: 2\r\n\r\nok"] * 50,
    OK + b"Content-Length: 0\r\n\r\n",
    OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nok",
    OK + b"Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 6\r\n\r\npoison",
    OK + b"\r\nuntil the end",
    OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    *[OK + b"Content-Length: %d\r\n\r\n" % size + bytes(size) for size in (9_000, 16_000, 16_200, 17_000, 60_000, 65_536, 90_000)],
    OK + b"X: " + b"y" * 20_000 + b"\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.0 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nDate: now\r\nContent-Length: 2\r\n\r\n",
    b"HTTP/1.1 404 Not Found\r\nDate: now\r\nContent-Length: 2\r\n\r\nno",
    b"HTTP/1.1 103 Early Hints\r\nDate: now\r\nLink: </a>\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nDate: now\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nhello",
    b"220 mail.example ESMTP\r\n\r\n",
    b"\r\n",
]
HOSTS = (b"a.example", b"b.example", b"c.example")
BACKENDS = (("c", "10.0.0.1:80"), ("c", "10.0.0.2:80"), ("d", "10.0.0.1:80"))
TO_CLIENTS = [*["ask"] * 50, "ask twice", "ask in pieces", "end", "close", "reset", *["nap"] * 5]
TO_ORIGINS = [*["answer"] * 40, *["answer in pieces"] * 8, "say", "say nothing more", "close", "reset", "nap"]
TO_SESSIONS = ["close", *["drain"] * 3, "expire", "close twice", "gone"]
TO_ALL = [*["wait"] * 5, "evict", "remove", "add", "terms", "routes", "health"]


class Story:
    """A lab in which a story is played, and what was seen."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.clients: list[Peer] = []
        self.sessions: list[Session] = []
        self.origins: list[Peer] = []
        self.waiting: list[Peer] = []  # origins that were asked something
        self.asleep: set[Peer] = set()  # they read nothing
        self.late: list[tuple[Peer, bytes]] = []  # what is still to be sent
        self.asked = 0
        self.seen: list[object] = []
        lab.traffic.ids = request_ids(b"id-")

    def play(self, beat: Beat) -> None:
        for name, who, what in beat:
            getattr(self, name)(who, what)
        late, self.late = self.late, []
        if late:
            settle()
        for peer, data in late:
            _send(peer, data)
        self.look()

    def look(self) -> None:
        settle()
        lab, traffic = self.lab, self.lab.traffic
        while not lab.pool.opened.empty():
            self.origins.append(lab.origin())
        traffic.books.settle()
        figures = traffic.counters.snapshot()
        del figures["latency"]
        live = sorted((each.key, each.exchanges, each.tunnels, len(each.idle), each.retired) for each in traffic.registry)
        sessions = [(each in traffic.sessions, each.idle_since, each.deadline, each.client, each.request and each.request.target) for each in self.sessions]
        entries = sorted(each._replace(texts=each.texts.path, **dict.fromkeys(("started", "connected", "responded", "finished"), 0)) for each in lab.log.entries)  # type: ignore[arg-type]
        received = [[(b"", "asleep") if peer in self.asleep else _received(peer) for peer in peers] for peers in (self.clients, self.origins)]
        self.waiting += [origin for origin, (data, state) in zip(self.origins, received[1], strict=True) if data and state == "open"]
        self.seen.append((received, live, sessions, entries, figures, len(traffic.deadlines.watched)))

    # ---- what may happen ----

    def come(self, who: int, _: object) -> None:
        before = set(self.lab.traffic.sessions)
        self.clients.append(self.lab.client(name=b"192.0.2.%d:4711" % (who % 250)))
        (session,) = self.lab.traffic.sessions - before
        assert isinstance(session, Session)
        self.sessions.append(session)
        with socket(fileno=dup(session.stream.fileno())) as kernel:  # else much goes into it before a nap is felt
            kernel.setsockopt(SOL_SOCKET, SO_SNDBUF, 4096)

    def to_client(self, who: int, what: tuple[str, bytes, bytes, float]) -> None:
        client = self.clients[-1 - who % min(len(self.clients), 3)]
        action, request, host, where = what
        self.asked += 1
        data = request % (self.asked, host)
        if action == "ask":
            _send(client, data)
        elif action == "ask twice":
            _send(client, data + data)
        elif action == "ask in pieces":
            _send(client, data[: int(where * len(data))])
            self.late.append((client, data[int(where * len(data)) :]))
        elif action == "nap":
            self.asleep ^= {client}
        else:
            _part(client, action)

    def to_origin(self, who: int, what: tuple[str, bytes, float]) -> None:
        if not self.origins:
            return
        origin = self.waiting.pop(0) if self.waiting and who % 16 else self.origins[-1 - who % len(self.origins)]
        action, answer, where = what
        split = int(where * min(len(answer), 120))
        if action == "answer":
            _send(origin, answer)
        elif action == "answer in pieces":
            _send(origin, answer[:split])
            self.late.append((origin, answer[split:]))
        elif action == "say":
            _send(origin, answer[:split])
        elif action == "nap":
            self.asleep ^= {origin}
        else:
            _part(origin, action)

    def to_session(self, who: int, what: str) -> None:
        session, traffic = self.sessions[-1 - who % min(len(self.sessions), 3)], self.lab.traffic
        if session not in traffic.sessions:
            return
        if what.startswith("close"):
            session.close()
        if what == "close twice":
            session.close()
        if what == "drain":
            session.drain()
        if what == "expire":
            traffic.hub.loop.run_callback(self._expire, session)
        if what == "gone":
            traffic.hub.loop.run_callback(session.throw, ClientGone("client: gone before its answer"))

    def to_all(self, who: int, what: str) -> None:
        lab, (cluster, address) = self.lab, BACKENDS[who % len(BACKENDS)]
        traffic, fact = lab.traffic, Backend(cluster=cluster, address=address)
        if what == "wait":
            traffic.clock.set(traffic.clock.now + (0.1, 0.6, 2, 29, 31, 61)[who % 6])
            traffic.hub.loop.run_callback(self._sweep)
        elif what == "evict":
            evict([each for each in self.sessions if each in traffic.sessions], traffic.clock.now)
        elif what in ("remove", "add"):
            known = traffic.registry.rosters[cluster].members
            if (address in known) is (what == "remove"):
                lab.change(fact, remove=what == "remove")
        elif what == "terms":
            lab.change(Cluster(cluster="d", max_exchanges=3 if who % 2 else None))
        elif what == "routes":
            traffic.routes = traffic.routes
        elif what == "health":
            traffic.registry.found(fact.key, up=bool(who % 2))

    def _expire(self, session: Session) -> None:
        if session in self.lab.traffic.sessions:
            session.expire()

    def _sweep(self) -> None:
        """That of the deadlines, in the order in which clients have come: a set has none."""
        traffic = self.lab.traffic
        for back in tuple(traffic.deadlines.watched):
            if back.deadline <= traffic.clock.now:
                back.expire()
        for session in self.sessions:
            if session.deadline <= traffic.clock.now:
                self._expire(session)


def _send(peer: Peer, data: bytes) -> None:
    """What the other end takes: it may have gone."""
    peer.sock.settimeout(0)
    with suppress(OSError):
        peer.sock.send(data)


def _part(peer: Peer, how: str) -> None:
    if peer.sock.fileno() < 0:
        return
    if how in ("end", "say nothing more"):
        with suppress(OSError):
            peer.sock.shutdown(SHUT_WR)
    elif how == "close":
        peer.sock.close()
    else:
        peer.reset()


def _received(peer: Peer) -> tuple[bytes, str]:
    """What has come, and how the connection is."""
    if peer.sock.fileno() < 0:
        return b"", "closed"
    data, state = b"", "open"
    peer.sock.settimeout(0)
    while True:
        try:
            piece = peer.sock.recv(1 << 20)
        except BlockingIOError:
            break
        except OSError:
            state = "reset"
            break
        if not piece:
            state = "ended"
            break
        data += piece
        settle()
    return re.sub(rb"\r\nDate: \w{3}, [^\r]*", b"\r\nDate: -", data), state


def story(choose: Random) -> list[Beat]:
    def happening() -> tuple[str, int, Any]:
        who, kind = choose.randrange(1000), choose.random()
        if kind < 0.45:
            return "to_client", who, (choose.choice(TO_CLIENTS), choose.choice(REQUESTS), choose.choice(HOSTS), choose.random())
        if kind < 0.88:
            return "to_origin", who, (choose.choice(TO_ORIGINS), choose.choice(ANSWERS), choose.random())
        if kind < 0.92:
            return "to_session", who, choose.choice(TO_SESSIONS)
        if kind < 0.95:
            return "to_all", who, choose.choice(TO_ALL)
        return "come", who, None

    beats: list[Beat] = [[("come", number, None)] for number in range(2)]
    return beats + [[happening() for _ in range(choose.choice((1, 1, 2, 3)))] for _ in range(40)]


def told(beats: Sequence[Beat]) -> list[object]:
    """What is seen of a story."""
    with opened(Lab(("10.0.0.1:80", "10.0.0.2:80"))) as lab:
        lab.traffic.clock.set(1000.0)
        lab.change(Cluster(cluster="d", timeouts=Timeouts(request=5, front=30, back=10, connect=3)), Frontend(cluster="d", hostname="b.example"))
        lab.change(Backend(cluster="d", address="10.0.0.1:80"))
        lab.change(Cluster(cluster="e", sticky="where"), Frontend(cluster="e", hostname="c.example"), Backend(cluster="e", address="10.0.0.3:80"))
        tale = Story(lab)
        for beat in beats:
            tale.play(beat)
        tale.asleep.clear()
        for session in tale.sessions:
            session.close()
        tale.look()
        assert lab.traffic.counters.exchanges_open == 0
        assert all(live.exchanges == 0 for live in lab.traffic.registry)
        return tale.seen


@pytest.mark.parametrize("seed", range(80))
def test_errands_and_exchanges_look_alike(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    beats = story(Random(seed))
    quick = told(beats)
    monkeypatch.setattr("sozu.proxy.traffic.understand_request", lambda *asked, **besides: replace(understand_request(*asked, **besides), usual=False))
    slow = told(beats)

    for number, (one, other) in enumerate(zip(quick, slow, strict=True)):
        assert one == other, beats[: number + 1]
