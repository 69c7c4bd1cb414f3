from collections.abc import Iterator
from typing import Any

import gevent
import pytest

from sozu.command.draft import Change
from sozu.command.facts import Cluster, Timeouts
from tests.proxy.lab import Lab, field, opened, settle

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LARGE = 1_000_000


@pytest.fixture
def small() -> Iterator[Lab]:
    with opened(Lab(max_body_size=10)) as lab:
        yield lab


@pytest.fixture
def rated() -> Iterator[Lab]:
    with opened(Lab(min_rate=1000)) as lab:
        yield lab


# ---- how much ----


@pytest.mark.parametrize("request_bytes", [HEAD + b"Content-Length: 10\r\n\r\n0123456789", CHUNKED + b"a\r\n0123456789\r\n0\r\n\r\n"])
def test_a_body_of_the_largest_size_passes(small: Lab, request_bytes: bytes) -> None:
    client = small.client(request_bytes)
    origin = small.origin()
    origin.head()
    origin.send(OK)
    assert client.answer()[1] == b"ok"


@pytest.mark.parametrize(
    "request_bytes",
    [
        HEAD + b"Content-Length: 11\r\n\r\n",
        CHUNKED + b"b\r\n",
        CHUNKED + b"6\r\n012345\r\n5\r\n",
        CHUNKED + b"".join(b"1\r\n%d\r\n" % (number % 10) for number in range(11)),
    ],
)
def test_a_larger_one_is_413_and_no_backend_hears_of_it(small: Lab, request_bytes: bytes) -> None:
    client = small.client(request_bytes)
    head, _ = client.answer()
    assert head.startswith(b"HTTP/1.1 413 ")
    assert field(head, b"connection") == b"close"
    client.close()
    assert small.no_origin()
    assert "body-too-large" in (small.entry().ended or "")


def test_one_that_grows_too_large_on_its_way_is_cut(small: Lab) -> None:
    client = small.client(CHUNKED + b"5\r\n01234\r\n")
    origin = small.origin()
    origin.head()
    client.send(b"6\r\n")
    assert client.answer()[0].startswith(b"HTTP/1.1 413 ")
    client.close()
    assert origin.rest() == b"5\r\n01234\r\n"


@pytest.mark.parametrize(("settings", "cluster", "status"), [(10, 5, b"413"), (5, 10, b"200"), (None, 5, b"413"), (5, None, b"413")])
@pytest.mark.parametrize("request_bytes", [HEAD + b"Content-Length: 7\r\n\r\n0123456", CHUNKED + b"7\r\n0123456\r\n0\r\n\r\n"])
def test_a_cluster_may_have_its_own_size(settings: int | None, cluster: int | None, status: bytes, request_bytes: bytes) -> None:
    with opened(Lab(max_body_size=settings)) as lab:
        own_limits(lab, Cluster(cluster="c", max_body_size=cluster))
        client = lab.client(request_bytes)
        if status == b"200":
            origin = lab.origin()
            origin.head()
            origin.send(OK)
        assert client.answer()[0][9:12] == status
        client.close()


def own_limits(lab: Lab, cluster: Cluster) -> None:
    """The same cluster, other settings."""
    effect = Change(Cluster(cluster="c"), cluster)
    draft = lab.traffic.registry.draft()
    draft.after([effect])
    lab.traffic.registry.publish(draft)
    lab.traffic.routes = lab.traffic.routes.after([effect])


# ---- how slow ----


def test_an_upload_below_the_rate_is_408(rated: Lab) -> None:
    client = rated.client(HEAD + b"Content-Length: 1000000\r\n\r\n")
    origin = rated.origin()
    origin.head()
    for _ in range(3):
        rated.wait(4)
        client.send(b"x")
        settle()
    assert client.answer()[0].startswith(b"HTTP/1.1 408 ")
    client.close()


@pytest.mark.parametrize(("rate", "slow"), [(0, False), (1000, True), (None, True)])
def test_a_cluster_may_have_its_own_rate(rated: Lab, rate: int | None, *, slow: bool) -> None:
    own_limits(rated, Cluster(cluster="c", min_rate=rate))
    client = rated.client(HEAD + b"Content-Length: 1000000\r\n\r\n")
    origin = rated.origin()
    origin.head()
    for _ in range(3):
        rated.wait(4)
        client.send(b"x")
        settle()
    assert bool(rated.log.entries) is slow
    client.close()
    origin.close()


def test_an_upload_above_the_rate_passes_however_long_it_takes(rated: Lab) -> None:
    client = rated.client(HEAD + b"Content-Length: 50000\r\n\r\n")
    origin = rated.origin()
    origin.head()
    for _ in range(10):
        rated.wait(4)
        client.send(b"x" * 5000)
        settle()
    assert origin.read(50000) == b"x" * 50000
    origin.send(OK)
    assert client.answer()[1] == b"ok"


@pytest.mark.parametrize("settings", [{"min_rate": 1000, "timeouts": Timeouts(front=1e6)}, {"timeouts": Timeouts(front=900)}])
def test_a_client_that_takes_its_answer_too_slowly_is_cut(settings: dict[str, Any]) -> None:
    with opened(Lab(**settings)) as lab:
        client = lab.client(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        origin = lab.origin()
        origin.head()
        origin.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE)
        sending = gevent.spawn(origin.send, b"y" * LARGE)
        lab.wait(5)
        assert lab.traffic.sessions
        lab.wait(LARGE / 1000 + 11)
        assert lab.entry().ended == "client: too slow to take its answer"
        assert not lab.traffic.sessions
        assert lab.traffic.counters.backend_failures == 0
        client.close()
        sending.kill()


def test_time_that_the_backend_takes_is_not_the_clients(rated: Lab) -> None:
    client = rated.client(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    origin = rated.origin()
    origin.head()
    origin.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
    client.head()
    for _ in range(4):
        rated.wait(20)
        origin.send(b"z")
        assert client.read(1) == b"z"
    assert rated.entry().ended is None
