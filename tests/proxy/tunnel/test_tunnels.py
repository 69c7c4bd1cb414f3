"""Connections of tcp listeners, between a scripted client and scripted backends."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from sozu.command.facts import Cluster, Listener, Protocol, Timeouts
from sozu.command.terms import ProxyProtocol
from sozu.proxy.bodies import Pace
from sozu.proxy.stream import READ_SIZE, Stream
from sozu.proxy.tunnel import Course, TunnelSession
from sozu.proxy.tunnel.flow import Flow
from tests.proxy.lab import Lab, Peer, opened, pair, settle

A, B = "10.0.0.1:80", "10.0.0.2:80"
LISTENER = Listener(protocol=Protocol.TCP, address="127.0.0.1:5432", cluster="c")


@pytest.fixture
def lab() -> Iterator[Lab]:
    with opened(Lab()) as lab:
        yield lab


def connect(lab: Lab, listener: Listener = LISTENER, name: bytes = b"192.0.2.1:4711") -> Peer:
    sock, peer = pair()
    lab.traffic.counters.connections_open += 1
    lab.peers.append(peer)
    lab.traffic.hub.loop.run_callback(TunnelSession, lab.traffic, Stream(sock, lab.traffic.hub), name, Course(listener.address, listener.cluster), 7)
    settle()
    return peer


def terms(lab: Lab, **terms: Any) -> None:
    lab.change(Cluster(cluster="c", **terms))


def test_bytes_pass_both_ways_whoever_speaks_first(lab: Lab) -> None:
    client = connect(lab)
    origin = lab.origin()
    origin.send(b"220 hello\r\n")
    assert client.read(11) == b"220 hello\r\n"
    client.send(b"\0\xff")
    assert origin.read(2) == b"\0\xff"
    assert lab.backend().tunnels == lab.backend().exchanges == 1


def test_each_side_may_end_its_half_and_go_on_reading(lab: Lab) -> None:
    client = connect(lab)
    origin = lab.origin()
    client.send(b"question")
    client.end()
    assert origin.rest() == b"question"
    origin.send(b"answer")
    assert client.read(6) == b"answer"
    origin.end()
    assert client.rest() == b""
    settle()
    assert (lab.backend().tunnels, lab.backend().exchanges) == (0, 0)
    entry = lab.entry()
    assert (entry.cluster, entry.backend, entry.bytes_in, entry.bytes_out, entry.ended, entry.session) == ("c", A, 8, 6, None, 7)


def test_megabytes_go_through_the_kernel_and_arrive_as_they_were(lab: Lab) -> None:
    client = connect(lab)
    origin = lab.origin()
    data = bytes(range(256)) * 4096 * 8
    got = bytearray()
    sent = 0
    origin.sock.setblocking(False)
    while len(got) < len(data):
        try:
            sent += origin.sock.send(data[sent : sent + 200_000])
        except BlockingIOError:
            settle()
        got += client.read(1) + client.received
        client.received = b""
    assert bytes(got) == data


def test_what_had_come_before_is_in_front_however_much_it_is(lab: Lab) -> None:
    (near, far), (sink, out) = pair(), pair()
    lab.peers += [far, out]
    stream, other = Stream(near, lab.traffic.hub), Stream(sink, lab.traffic.hub)
    stream.leftover = b"a" * READ_SIZE + b"b" * 30_000
    far.send(b"c" * 100)
    far.end()
    front = SimpleNamespace(deadline=0.0)
    flow = Flow(stream, other, Pace(front, lab.traffic.clock, 60.0, 60.0))
    read = bytearray()
    while not flow.complete:
        read += bytes(flow.read(READ_SIZE))
    stream.close()
    other.close()
    assert bytes(read) == b"a" * READ_SIZE + b"b" * 30_000 + b"c" * 100


@pytest.mark.parametrize("who", ["client", "backend"])
def test_who_sends_to_one_that_has_gone_is_cut(lab: Lab, who: str) -> None:
    client = connect(lab)
    origin = lab.origin()
    client.send(b"x")
    origin.read(1)
    gone, left = (client, origin) if who == "client" else (origin, client)
    gone.close()
    left.send(b"more")
    settle()
    assert left.rest() == b""
    settle()
    assert not lab.traffic.sessions
    assert lab.entry().ended == ("client: EPIPE" if who == "client" else None)


def test_who_is_silent_for_too_long_is_cut_and_who_is_not_is_not(lab: Lab) -> None:
    terms(lab, timeouts=Timeouts(front=5))
    client = connect(lab)
    origin = lab.origin()
    lab.wait(4)
    origin.send(b"x")
    assert client.read(1) == b"x"
    lab.wait(4)
    client.send(b"y")
    assert origin.read(1) == b"y"
    lab.wait(6)
    assert (client.rest(), origin.rest()) == (b"", b"")
    settle()
    assert lab.entry().ended == "the tunnel was idle for too long"


@pytest.mark.parametrize("cluster", [None, "nowhere"])
def test_a_listener_that_leads_nowhere_closes(lab: Lab, cluster: str | None) -> None:
    client = connect(lab, Listener(protocol=Protocol.TCP, address="127.0.0.1:5432", cluster=cluster))
    assert client.rest() == b""
    settle()
    assert lab.entry().ended == "no backend"


def test_a_backend_that_cannot_be_reached_is_passed_by() -> None:
    with opened(Lab((A, B))) as lab:
        lab.pool.refusing[A] = OSError()
        for _ in range(2):
            client = connect(lab)
            address, origin = lab.origin_at()
            assert address == B
            client.close()
            origin.close()
        settle()
        assert sum(entry.retries for entry in lab.log.entries) == 1


def test_tunnels_are_bounded_like_exchanges(lab: Lab) -> None:
    terms(lab, max_exchanges=1, max_per_client=5)
    first = connect(lab)
    origin = lab.origin()
    assert connect(lab).rest() == b""
    first.close()
    origin.close()
    connect(lab)
    assert lab.origin()
    settle()
    assert "no backend has room" in str(lab.log.entries[0].ended)


def test_a_backend_is_told_who_connects_before_anybody_speaks(lab: Lab) -> None:
    terms(lab, proxy_protocol=ProxyProtocol.V1)
    connect(lab)
    assert lab.origin().read(42) == b"PROXY TCP4 192.0.2.1 127.0.0.1 4711 5432\r\n"


def test_a_drain_lets_a_tunnel_run_and_a_close_cuts_it(lab: Lab) -> None:
    client = connect(lab)
    origin = lab.origin()
    (session,) = lab.traffic.sessions
    session.drain()
    client.send(b"x")
    assert origin.read(1) == b"x"
    session.close()
    assert (client.rest(), origin.rest()) == (b"", b"")
    settle()
    assert lab.entry().ended == "closed by the proxy"


def test_one_that_is_late_and_cut_in_one_turn_leaves_nothing_behind(lab: Lab) -> None:
    connect(lab)
    origin = lab.origin()
    (session,) = lab.traffic.sessions

    def both() -> None:
        session.expire()
        session.close()

    lab.traffic.hub.loop.run_callback(both)
    settle()
    assert (lab.backend().tunnels, lab.backend().exchanges) == (0, 0)
    assert not origin.is_open()
