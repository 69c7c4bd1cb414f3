"""Want of what a worker lives on: descriptors, a log that takes its lines. Clients notice as little as possible, and it passes by itself."""

from collections import Counter
from contextlib import ExitStack
import os
from pathlib import Path
import resource
import socket

import pytest

from tests.e2e.asking import get
from tests.e2e.load import Load
from tests.e2e.processes import LIMIT, Proxy, configuration, every_host
from tests.procfs import descriptors

HALF_A_HEAD = b"GET / HTTP/1.1\r\nX-Half: "


@pytest.fixture
def one_worker(tmp_path: Path, origin_address: str) -> Proxy:
    return Proxy(tmp_path, "-c", str(configuration(tmp_path, every_host(origin_address), workers=1)))


def starve(pid: int, spare: int) -> None:
    """Leave a process so many descriptors more than it has open, its reserve among them."""
    used = descriptors(pid)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + spare, used + spare))


def test_a_worker_without_descriptors_recovers_when_its_clients_go(one_worker: Proxy) -> None:
    with one_worker as proxy, ExitStack() as crowd:
        (pid,) = proxy.worker_pids()
        assert get(proxy.port)[0] == 200
        starve(pid, spare=8)
        for _ in range(64):
            client = crowd.enter_context(socket.create_connection(("127.0.0.1", proxy.port), timeout=LIMIT))
            client.sendall(HALF_A_HEAD)
        proxy.lines.until("event=accept_paused reason=EMFILE")
        crowd.close()
        assert get(proxy.port) == (200, b"origin")
        assert proxy.worker_pids() == [pid]


def test_idle_clients_go_where_descriptors_are_wanted(one_worker: Proxy) -> None:
    with one_worker as proxy, ExitStack() as crowd:
        (pid,) = proxy.worker_pids()
        starve(pid, spare=8)
        for _ in range(10):
            crowd.enter_context(socket.create_connection(("127.0.0.1", proxy.port), timeout=LIMIT))
        assert get(proxy.port) == (200, b"origin")
        assert proxy.worker_pids() == [pid]


def test_a_log_that_nobody_reads_holds_nobody_up(tmp_path: Path, origin_address: str) -> None:
    target = tmp_path / "access.log"
    os.mkfifo(target)
    reader = os.open(target, os.O_RDONLY | os.O_NONBLOCK)
    file = configuration(tmp_path, every_host(origin_address), workers=1, access_log={"path": str(target)})
    with Proxy(tmp_path, "-c", str(file)) as proxy, Load(proxy.port, path="/name?" + "x" * 2000, clients=2) as load:
        load.further(300)  # more than half a megabyte of lines; a pipe holds 64 kB
    os.close(reader)

    assert load.failures == Counter()
