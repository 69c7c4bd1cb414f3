"""Clients at their worst before real workers, and a machine whose clock is set: who behaves well notices nothing."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
import socket

import pytest

from tests.e2e.asking import get
from tests.e2e.load import Load
from tests.e2e.misbehaving import misbehaving
from tests.e2e.processes import LIMIT, Proxy, configuration, every_host, resident_bytes
from tests.e2e.vitals import cpu_seconds, unharmed
from tests.proxy.fault_origin import Connection

POOL = {"idle": 1}
BURST = 2000  # connections; below what the master lets wait
EACH = 10_000  # bytes of memory that a connection may leave behind: the allocator keeps some of it for the next burst
STUCK = 500  # clients
WINDOW = 4096  # bytes: what the kernel takes in for a client is no matter of the proxy's
MOST_EACH = 65536  # bytes
RESTING = 0.01  # seconds of processor time
HOUR = 3600
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)  # where Debian has it, whatever the machine


@contextmanager
def serving(folder: Path, address: str, **environ: str) -> Iterator[Proxy]:
    """A worker that sends every host there."""
    file = configuration(folder, every_host(address), workers=1, pool=POOL)
    with Proxy(folder, "-c", str(file), environ=environ) as proxy:
        yield proxy


def echo(connection: Connection) -> None:
    while head := connection.head():
        path = head.split()[1]
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path))


def test_a_thousand_requests_in_one_packet_are_answered_in_order(tmp_path: Path) -> None:
    asked = b"".join(b"GET /%04d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(1000))
    with (
        misbehaving(echo) as address,
        serving(tmp_path, address) as proxy,
        unharmed(proxy),
        socket.create_connection(("127.0.0.1", proxy.port), timeout=LIMIT) as client,
    ):
        client.sendall(asked)
        bodies: list[bytes] = []
        with client.makefile("rb") as answers:
            while len(bodies) < 1000:
                line = answers.readline()
                assert line, "the connection ended"
                if line == b"\r\n":
                    bodies.append(answers.read(5))

    assert bodies == [b"/%04d" % number for number in range(1000)]


def test_a_burst_of_connections_is_let_in_whole(tmp_path: Path, origin_address: str) -> None:
    with serving(tmp_path, origin_address) as proxy, unharmed(proxy, BURST * EACH), ExitStack() as crowd:
        clients = [crowd.enter_context(socket.socket()) for _ in range(BURST)]
        for client in clients:
            client.settimeout(LIMIT)
            client.connect(("127.0.0.1", proxy.port))
            client.sendall(b"GET /name HTTP/1.1\r\nHost: a\r\n\r\n")
        assert [client.recv(9) for client in clients] == [b"HTTP/1.1 "] * BURST


def test_clients_that_never_read_cost_little_and_leave_nothing(tmp_path: Path, origin_address: str) -> None:
    with serving(tmp_path, origin_address) as proxy, unharmed(proxy) as (pid,), ExitStack() as crowd:
        before = resident_bytes(pid)
        for number in range(STUCK):
            client = crowd.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
            client.connect(("127.0.0.1", proxy.port))
            client.sendall(b"GET /%b/100000000 HTTP/1.1\r\nHost: a\r\n\r\n" % (b"chunked" if number % 2 else b"bytes"))
        wait_until_it_rests(proxy, pid)
        each = (resident_bytes(pid) - before) / STUCK
        assert proxy.status()["workers"][0]["exchanges"] == STUCK
        assert get(proxy.port) == (200, b"origin")

    assert each < MOST_EACH


def wait_until_it_rests(proxy: Proxy, pid: int) -> None:
    """Until a worker does nothing between two looks at its status."""
    used = -1.0
    while (now := cpu_seconds(pid)) - used > RESTING:
        used = now
        assert proxy.status()["workers"]


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
    with serving(tmp_path, origin_address, **fake) as proxy, unharmed(proxy), Load(proxy.port, clients=2) as load:
        before = date(proxy)
        for seconds in (HOUR, 0, -HOUR, 0):
            offset.write_text(f"{seconds:+d}")
            while (date(proxy) == before) is bool(seconds):
                load.further(20)
            load.further(300)  # the clock ticks meanwhile

    assert load.failures == Counter()


def date(proxy: Proxy) -> bytes:
    """The hour that an answer of the proxy's own names."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=LIMIT) as client:
        client.sendall(b"BAD\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    (line,) = [line for line in answer.split(b"\r\n") if line.startswith(b"Date: ")]
    return line.split(b":")[1]
