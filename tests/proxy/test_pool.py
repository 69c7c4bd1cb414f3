"""Which connections are kept, for how long, and who may ride on them; what a fresh exchange sees of it is in test_exchange.py."""

from collections import deque
from collections.abc import Iterator

import pytest

from sozu.command.certificates.terms import BackendTls
from sozu.command.draft import Change
from sozu.command.facts import Backend, Cluster, Frontend
from sozu.command.settings import Pool as Limits
from sozu.command.terms import ProxyProtocol
from sozu.proxy.pool import Pool
from sozu.proxy.stream import Stream
from tests.proxy.lab import Lab, Peer, opened, pair, settle

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n."
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with opened(Lab(pool=getattr(request, "param", Limits()))) as lab:
        yield lab


def at_once(lab: Lab, count: int, *, begins: bytes = b"GET ") -> list[Peer]:
    """So many exchanges at the same time, all of them ended; the backend's ends, in the order of their ends."""
    clients = [lab.client(GET) for _ in range(count)]
    origins = [lab.origin() for _ in clients]
    for origin in origins:
        assert origin.head().startswith(begins)
        origin.send(OK)
        settle()
    for client in clients:
        client.answer()
    return origins


@pytest.mark.parametrize("lab", [Limits(size=2)], indirect=True)
def test_of_too_many_idle_connections_the_oldest_give_way(lab: Lab) -> None:
    origins = at_once(lab, 4)
    assert len(lab.backend().idle) == 2
    assert [origin.is_open() for origin in origins] == [False, False, True, True]


@pytest.mark.parametrize("lab", [Limits(size=0)], indirect=True)
def test_a_pool_of_no_size_keeps_nothing(lab: Lab) -> None:
    assert not at_once(lab, 1)[0].is_open()


@pytest.mark.parametrize("lab", [Limits(idle=5)], indirect=True)
def test_an_idle_connection_is_closed_after_the_configured_time(lab: Lab) -> None:
    (origin,) = at_once(lab, 1)
    lab.wait(4.9)
    assert origin.is_open()
    lab.wait(0.3)
    assert not origin.is_open()


@pytest.mark.parametrize("lab", [Limits(idle=1000, age=10)], indirect=True)
def test_a_connection_that_is_too_old_is_not_used_though_it_was_busy(lab: Lab) -> None:
    client = lab.client(GET)
    origin = lab.origin()
    for _ in range(3):
        origin.head()
        origin.send(OK)
        client.answer()
        lab.wait(4)
        client.send(GET)
    fresh = lab.origin()
    fresh.head()
    assert not origin.is_open()


@pytest.mark.parametrize("lab", [Limits(age=10)], indirect=True)
def test_a_connection_that_got_too_old_in_use_is_not_used_again(lab: Lab) -> None:
    client = lab.client(GET)
    origin = lab.origin()
    origin.head()
    lab.wait(11)
    origin.send(OK)
    client.answer()
    client.send(GET)
    assert lab.origin().head()
    assert not origin.is_open()


def test_the_last_one_that_was_used_is_the_first_to_be_used_again(lab: Lab) -> None:
    origins = at_once(lab, 3)
    lab.client(GET)
    settle()
    assert origins[2].head()
    assert [origin.received for origin in origins[:2]] == [b"", b""]


@pytest.mark.parametrize(("seconds", "opened_anew"), [(0.9, False), (1.1, True)])
def test_a_post_rides_only_on_a_connection_that_was_in_use_a_second_ago(lab: Lab, seconds: float, *, opened_anew: bool) -> None:
    (origin,) = at_once(lab, 1)
    lab.wait(seconds)
    lab.client(POST)
    settle()
    if opened_anew:
        assert origin.is_open()
        origin = lab.origin()
    assert origin.head().startswith(b"POST")


def test_another_cluster_with_the_same_address_uses_the_connection_on_its_own_account(lab: Lab) -> None:
    lab.change(Cluster(cluster="d"), Frontend(cluster="d", hostname="b"), Backend(cluster="d", address="10.0.0.1:80"))
    (origin,) = at_once(lab, 1)
    client = lab.client(POST.replace(b"Host: a", b"Host: b"))
    settle()
    assert origin.head().endswith(b"\r\n\r\n")
    assert lab.no_origin()
    other = lab.traffic.registry.find(("d", "10.0.0.1:80"))
    assert other is not None
    assert (lab.backend().exchanges, other.exchanges) == (0, 1)

    origin.close()
    assert b"502" in client.answer()[0]
    assert lab.backend().misses is None
    assert other.misses is not None


def test_a_connection_in_use_while_its_backend_goes_over_to_tls_is_not_kept(lab: Lab) -> None:
    client, origin, _ = lab.exchange(GET)
    lab.change(Cluster(cluster="c", tls=BackendTls()))
    origin.send(OK)
    client.answer()
    settle()
    assert not origin.is_open()


def test_a_connection_that_was_opened_while_its_backend_changed_is_not_kept(lab: Lab) -> None:
    ours, peer = pair()
    lab.peers.append(peer)

    def dial(*_: object) -> Stream:
        lab.change(Cluster(cluster="c", proxy_protocol=ProxyProtocol.V1))  # while it parks
        return Stream(ours, lab.traffic.hub)

    lab.pool.dials = {"c": dial}
    lab.pool.give(Pool.open(lab.pool, lab.backend()))
    assert not peer.is_open()


def test_a_connection_of_one_client_does_not_come_to_others_while_a_large_transaction_is_prepared(lab: Lab) -> None:
    lab.change(Cluster(cluster="c", proxy_protocol=ProxyProtocol.V1))
    registry = lab.traffic.registry
    draft = registry.draft()
    draft.after([Change(registry.rosters["c"].cluster, Cluster(cluster="c"))])
    deque(registry.prepare(draft), maxlen=0)
    (origin,) = at_once(lab, 1, begins=b"PROXY ")
    registry.swap(draft)
    assert not origin.is_open()
    assert lab.backend().shares
