"""Clients at their worst before real workers, and a machine whose clock is set: who behaves well notices nothing."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
import socket
from typing import Any

import pytest

from tests.e2e.asking import get
from tests.e2e.load import Load
from tests.e2e.misbehaving import misbehaving
from tests.e2e.processes import LIMIT, Proxy, configuration, every_host
from tests.e2e.vitals import unharmed
from tests.procfs import cpu_seconds, resident_bytes
from tests.proxy.fault_origin import Connection

POOL = {"idle": 0.1}
BURST = 2000  # connections; below what the master lets wait
EACH = 10_000  # bytes of memory that a connection may leave behind: the allocator keeps some of it for the next burst
WINDOW = 4096  # bytes: what the kernel takes in for a client is no matter of the proxy's
MOST_EACH = 65536  # bytes
RESTING = 0.01  # seconds of processor time
HOUR = 3600
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)  # where Debian has it, whatever the machine


@contextmanager
def serving(folder: Path, clusters: dict[str, dict[str, Any]], sandbox: str = "required", **environ: str) -> Iterator[Proxy]:
    """One worker."""
    file = configuration(folder, clusters, workers=1, pool=POOL, sandbox=sandbox)
    with Proxy(folder, "-c", str(file), environ=environ) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory, origin_address: str) -> Iterator[Proxy]:
    """A worker that sends the host `echo` to one that answers with the path, and all others to an origin."""
    with misbehaving(echo) as address:
        clusters = every_host(origin_address) | {"echo": {"frontends": [{"hostname": "echo"}], "backends": [address]}}
        with serving(tmp_path_factory.mktemp("bad-clients"), clusters) as running:
            yield running


def echo(connection: Connection) -> None:
    while head := connection.head():
        path = head.split()[1]
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path))


def test_a_thousand_requests_in_one_packet_are_answered_in_order(proxy: Proxy) -> None:
    asked = b"".join(b"GET /%04d HTTP/1.1\r\nHost: echo\r\n\r\n" % number for number in range(1000))
    with unharmed(proxy), socket.create_connection(("127.0.0.1", proxy.port), timeout=LIMIT) as client:
        client.sendall(asked)
        bodies: list[bytes] = []
        with client.makefile("rb") as answers:
            while len(bodies) < 1000:
                line = answers.readline()
                assert line, "the connection ended"
                if line == b"\r\n":
                    bodies.append(answers.read(5))

    assert bodies == [b"/%04d" % number for number in range(1000)]


def test_a_burst_of_connections_is_let_in_whole(proxy: Proxy) -> None:
    with unharmed(proxy, BURST * EACH), ExitStack() as crowd:
        clients = [crowd.enter_context(socket.socket()) for _ in range(BURST)]
        for client in clients:
            client.settimeout(LIMIT)
            client.connect(("127.0.0.1", proxy.port))
            client.sendall(b"GET / HTTP/1.1\r\nHost: echo\r\n\r\n")
        assert [client.recv(15) for client in clients] == [b"HTTP/1.1 200 OK"] * BURST


@pytest.mark.parametrize("count", [100, pytest.param(500, marks=pytest.mark.slow)])
def test_clients_that_never_read_cost_little_and_leave_nothing(proxy: Proxy, count: int) -> None:
    with unharmed(proxy) as (pid,), ExitStack() as crowd:
        before = resident_bytes(pid)
        for number in range(count):
            client = crowd.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
            client.connect(("127.0.0.1", proxy.port))
            client.sendall(b"GET /%b/100000000 HTTP/1.1\r\nHost: a\r\n\r\n" % (b"chunked" if number % 2 else b"bytes"))
        wait_until_it_rests(proxy, pid)
        each = (resident_bytes(pid) - before) / count
        assert proxy.status()["workers"][0]["exchanges"] == count
        assert get(proxy.port) == (200, b"origin")

    assert each < MOST_EACH


def wait_until_it_rests(proxy: Proxy, pid: int) -> None:
    """Until a worker does nothing between two looks at its status."""
    used = -1.0
    while (now := cpu_seconds(pid)) - used > RESTING:
        used = now
        proxy.run("status")  # a process of its own, so that much may happen meanwhile


@pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed (docs/testing.md)")
def test_a_clock_that_is_set_by_an_hour_is_not_noticed(tmp_path: Path, origin_address: str) -> None:
    offset = tmp_path / "offset"
    offset.write_text("+0")
    # Only the clock that people set: time since the start of the machine goes on as it did.
    fake = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    # The fake clock is a file that the library reads again and again, in a process that may read none.
    with serving(tmp_path, every_host(origin_address), "off", **fake) as proxy, unharmed(proxy), Load(proxy.port, clients=2) as load:
        before = date(proxy)
        for seconds in (HOUR, 0, -HOUR, 0):
            offset.write_text(f"{seconds:+d}")
            while (date(proxy) == before) is bool(seconds):
                load.further(20)
            load.further(50)

    assert load.failures == Counter()


def date(proxy: Proxy) -> bytes:
    """The hour that an answer of the proxy's own names."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=LIMIT) as client:
        client.sendall(b"BAD\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    (line,) = [line for line in answer.split(b"\r\n") if line.startswith(b"Date: ")]
    return line.split(b":")[1]
