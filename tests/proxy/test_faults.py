"""Backends and clients at their worst, over TCP. After each: descriptors back, nothing logged, the next client served."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
import resource
import socket
from time import monotonic

from gevent import get_hub
from gevent.event import Event
import pytest

from sozu.command.facts import Backend, Cluster, Frontend
from sozu.proxy import bodies
from sozu.proxy.loop.pipes import Pipes
from sozu.proxy.pool import Pool
from tests.procfs import descriptors
from tests.proxy import fault_origin as faults
from tests.proxy.fault_origin import black_hole, origin, refusing
from tests.proxy.lab import Lab, Peer, all_descriptors_taken, client_over_tcp, opened, settle

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LARGE = bytes(range(256)) * (3 * bodies.MOST // 256)
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"


@contextmanager
def proxy_to(*addresses: str) -> Iterator[Lab]:
    with opened(Lab(addresses)) as lab:
        traffic = lab.traffic
        traffic.pool = Pool(get_hub(), traffic.clock, traffic.deadlines, traffic.counters, traffic.settings.pool)
        yield lab


@pytest.fixture(autouse=True)
def _left_as_it_was(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    settle()
    before = descriptors()
    yield
    settle()
    assert descriptors() == before
    assert caplog.records == []


def is_served(lab: Lab) -> bool:
    """Is another client served by a sound backend, whatever has been before?"""
    with origin(faults.sound) as address:
        lab.change(*(live.fact for live in lab.traffic.registry.rosters["c"].members.values()), remove=True)
        lab.change(Backend(cluster="c", address=address))
        return lab.client(GET).answer()[1] == b"ok"


def status_of(client: Peer) -> bytes:
    head = client.head()
    while head.startswith(b"HTTP/1.1 1"):
        head = client.head()
    return head[9:12]


# ---- backends that cannot be reached ----


def test_a_backend_that_is_down_is_told_at_once() -> None:
    with refusing() as address, proxy_to(address) as lab:
        began = monotonic()
        assert status_of(lab.client(GET)) == b"502"
        assert monotonic() - began < 1  # 50 ms, on a machine with nothing else to do
        assert is_served(lab)


def test_a_backend_that_is_down_is_passed_by() -> None:
    with refusing() as down, origin(faults.sound) as up, proxy_to(down, up) as lab:
        for _ in range(4):
            assert lab.client(GET).answer()[1] == b"ok"


def test_a_black_hole_ends_by_the_connect_timeout_and_hinders_nobody() -> None:
    with black_hole() as hole, origin(faults.sound) as up, proxy_to(hole, up) as lab:
        clients = [lab.client(GET) for _ in range(2)]
        settle()
        assert sorted(len(client.received) for client in clients) == [0, 0]
        assert sum(not client.is_open() for client in clients) == 0
        assert lab.traffic.counters.requests == 1
        lab.wait(3.2)
        assert [client.answer()[1] for client in clients] == [b"ok", b"ok"]


def test_nothing_but_a_black_hole_is_504() -> None:
    with black_hole() as hole, proxy_to(hole) as lab:
        client = lab.client(GET)
        lab.wait(3.2)
        assert status_of(client) == b"504"
        assert is_served(lab)


def test_no_descriptor_for_a_connection_to_a_backend_is_503() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with refusing() as address, proxy_to(address) as lab:
        client = lab.client()
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            client.send(GET)
            assert status_of(client) == b"503"
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert lab.entry().ended == "connect: EMFILE"
        assert is_served(lab)


def test_an_idle_connection_to_one_backend_gives_its_descriptor_to_another() -> None:
    with origin(faults.sound) as first, refusing() as second, proxy_to(first) as lab:
        facts = Cluster(cluster="other"), Frontend(cluster="other", hostname="b"), Backend(cluster="other", address=second)
        lab.change(*facts)
        client, other = lab.client(GET), lab.client()
        client.answer()
        settle()
        with all_descriptors_taken():
            other.send(GET.replace(b"Host: a", b"Host: b"))
            assert status_of(other) == b"502"
        assert lab.backend(first).idle == []
        lab.change(*facts[1:], remove=True)
        lab.change(facts[0], remove=True)


def test_a_large_body_is_copied_where_no_descriptor_is_left_for_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    head_came, starved = Event(), Event()

    def large(connection: faults.Connection) -> None:
        connection.head()
        head_came.set()
        starved.wait(faults.PATIENCE)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(LARGE) + LARGE)

    pipes = Pipes()  # without any that an earlier test has left there
    monkeypatch.setattr(bodies, "PIPES", pipes)
    with origin(large) as address, proxy_to(address) as lab:
        client = client_over_tcp(lab.traffic)
        client.send(GET)
        head_came.wait(faults.PATIENCE)
        with all_descriptors_taken():
            starved.set()
            assert client.answer()[1] == LARGE
        client.close()
        assert not pipes._idle
        assert is_served(lab)


# ---- backends that answer badly ----


def test_a_backend_that_hangs_is_504_at_the_configured_time() -> None:
    with origin(faults.hang) as address, proxy_to(address) as lab:
        client = lab.client(GET)
        lab.wait(29.8)
        assert client.is_open()
        lab.wait(0.4)
        assert status_of(client) == b"504"
        assert is_served(lab)


@pytest.mark.parametrize(
    "fault",
    [
        faults.garbage,
        faults.close_without_a_word,
        faults.half_close_without_a_word,
        faults.endless_head,
        faults.endless_field,
        faults.storm_of_interims,
    ],
)
def test_no_valid_answer_is_502(fault: faults.Fault) -> None:
    with origin(fault) as address, proxy_to(address) as lab:
        assert status_of(lab.client(GET)) == b"502"
        assert is_served(lab)


def test_a_reset_in_mid_head_is_502() -> None:
    fault = faults.ResetAfter(b"HTTP/1.1 200 OK\r\nContent-")
    with origin(fault) as address, proxy_to(address) as lab:
        client = lab.client(GET)
        fault.now()
        assert status_of(client) == b"502"
        assert is_served(lab)


@pytest.mark.parametrize("fault", [faults.endless_chunk_extension, faults.endless_chunk_extensions, faults.endless_trailers])
def test_a_body_of_nothing_but_framing_is_cut(fault: faults.Fault) -> None:
    with origin(fault) as address, proxy_to(address) as lab:
        client = lab.client(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert len(client.rest()) < 200_000
        assert "at byte" in (lab.entry().ended or "")
        assert is_served(lab)


def test_a_bad_body_that_comes_with_its_head_is_502() -> None:
    def bad_chunk(connection: faults.Connection) -> None:
        connection.head()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        connection.wait_for_the_end()

    with origin(bad_chunk) as address, proxy_to(address) as lab:
        client = lab.client(GET + GET)
        assert status_of(client) == b"502"
        assert lab.log.entries[0].ended == "backend: chunk-size at byte 0 of the body"


@pytest.mark.parametrize("request_bytes", [GET, b"GET / HTTP/1.0\r\nHost: a\r\n\r\n"])
@pytest.mark.parametrize(
    "beginning",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nhalf",
    ],
)
def test_a_reset_in_mid_body_never_looks_like_a_good_end(request_bytes: bytes, beginning: bytes) -> None:
    fault = faults.ResetAfter(beginning)
    with origin(fault) as address, proxy_to(address) as lab:
        client = client_over_tcp(lab.traffic)
        client.send(request_bytes)
        head = client.head()
        while b"half" not in client.received:
            assert client._receive()
        fault.now()
        rest, reset = client.rest_or_reset()
        client.close()
        assert reset or b"Content-Length: 10" in head or (b"chunked" in head and not rest.endswith(b"0\r\n\r\n"))
        assert (lab.entry().ended or "").startswith("backend: ")
        assert is_served(lab)


def test_an_answer_before_the_body_reaches_the_client() -> None:
    with origin(faults.early_answer) as address, proxy_to(address) as lab:
        client = lab.client(POST + b"x" * 1000)
        head, body = client.answer()
        assert (head[9:12], body) == (b"413", b"big")
        client.close()
        assert is_served(lab)


def test_a_half_closed_answer_is_an_answer() -> None:
    with origin(faults.half_close_after_the_answer) as address, proxy_to(address) as lab:
        client = lab.client()
        for _ in range(5):
            client.send(GET)
            assert client.answer()[1] == b"ok"


def test_no_request_that_may_be_repeated_is_lost_to_the_keep_alive_race() -> None:
    with origin(faults.flap) as address, proxy_to(address) as lab:
        client = lab.client()
        for _ in range(400):
            client.send(GET)
            assert client.answer()[1] == b"ok"
        assert lab.traffic.counters.retries > 100


def test_a_post_is_not_sent_twice_by_the_keep_alive_race() -> None:
    heads = []

    def flap(connection: faults.Connection) -> None:
        heads.append(connection.head())
        connection.send(faults.OK)
        heads.append(connection.head())

    with origin(flap) as address, proxy_to(address) as lab:
        client = lab.client()
        for number in range(20):
            client.send(b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n." % number)
            client.answer()
        paths = [head.split()[1] for head in heads if head]
        assert sorted(paths) == sorted(set(paths))


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET6, ("::1", 0)), (socket.AF_UNIX, "backend.sock")])
def test_backends_of_every_kind(family: int, host: object, tmp_path: Path) -> None:
    where = f"{tmp_path}/{host}" if family == socket.AF_UNIX else host
    with origin(faults.sound, family, where) as address, proxy_to(address) as lab:
        for _ in range(2):
            assert lab.client(GET).answer()[1] == b"ok"
        assert lab.traffic.counters.backend_connections == 1


# ---- clients ----


def test_a_thousand_pipelined_requests_are_answered_in_order() -> None:
    def echo(connection: faults.Connection) -> None:
        while head := connection.head():
            path = head.split()[1]
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path))

    with origin(echo) as address, proxy_to(address) as lab:
        client = lab.client(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(1000)))
        assert [client.answer()[1] for _ in range(1000)] == [b"/%d" % number for number in range(1000)]


def test_slow_heads_and_bodies_and_readers_hinder_nobody() -> None:
    with origin(faults.sound) as address, proxy_to(address) as lab:
        slow = [lab.client(start) for start in (b"GET / HTTP/1.1\r\nX", POST + b"x", GET * 50) for _ in range(40)]
        for _ in range(20):
            assert lab.client(GET).answer()[1] == b"ok"
        assert sum(client.is_open() for client in slow[:80]) == 80
        lab.wait(70)  # each of them is told or closed
        lab.wait(3)  # and lingers no longer
        assert not lab.traffic.sessions
