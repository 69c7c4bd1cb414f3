"""Faults that take their time: `pytest -m slow -rP tests/e2e` runs them, and each prints its figures (docs/testing.md)."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
import json
import os
from pathlib import Path
from random import Random
import re
import resource
import socket
import subprocess
import sys
from time import monotonic
from typing import Any

import pytest

from tests.e2e.asking import get
from tests.e2e.load import Load
from tests.e2e.misbehaving import misbehaving
from tests.e2e.nginx_origin import nginx
from tests.e2e.processes import LIMIT, Proxy, configuration, every_host, peer, run_peer
from tests.e2e.vitals import unharmed
from tests.procfs import cpu_seconds, resident_bytes
from tests.proxy.fault_origin import OK, Connection

pytestmark = pytest.mark.slow

OFFERING = Path(__file__).with_name("offering.py")
RATE, SECONDS = 10_000, 10
RACES = 10_000
CROWD = 400
CONNECT = 2.0
DESCRIPTORS = 64
STARVED_CPU = 0.2


@contextmanager
def serving(folder: Path, *backends: str, **settings: Any) -> Iterator[Proxy]:
    file = configuration(folder, every_host(*backends), pool={"idle": 1}, access_log={"path": "./access.log"}, **settings)
    with Proxy(folder, "-c", str(file)) as proxy:
        yield proxy


def show(**figures: object) -> None:
    sys.stdout.write(json.dumps(figures, default=str) + "\n")


def test_ten_thousand_connections_a_second_are_all_let_in(tmp_path: Path) -> None:
    with nginx(tmp_path) as origin, serving(tmp_path, origin.address) as proxy, unharmed(proxy, 16_000_000) as pids:
        used = [cpu_seconds(pid) for pid in pids]
        told = json.loads(run_peer([sys.executable, str(OFFERING), str(proxy.port), str(RATE), str(SECONDS)]))
        show(**told, cpu=[round(cpu_seconds(pid) - before, 1) for pid, before in zip(pids, used, strict=True)])

    assert told["offered"] == told["answered"] == RATE * SECONDS


def test_the_keep_alive_race_loses_no_request_that_may_be_repeated(tmp_path: Path) -> None:
    choose = Random(4)

    def fickle(connection: Connection) -> None:
        """Promise to stay, and close: at once, a moment later, after some more answers, or with the next request unread."""
        while connection.head():
            connection.send(OK)
            moment = choose.random()
            if moment < 0.3:
                return
            if moment < 0.6 and connection.is_silent(choose.random() / 200):
                return

    with misbehaving(fickle) as address, serving(tmp_path, address, workers=1) as proxy, unharmed(proxy):
        with Load(proxy.port, clients=8) as load:
            load.further(RACES)
        log = [json.loads(line) for line in (tmp_path / "access.log").read_text().splitlines()]

    show(requests=load.asked, repeated=sum(bool(line.get("retries")) for line in log), failures=load.failures)
    assert load.failures == Counter()


def test_a_black_hole_costs_other_clusters_nothing(tmp_path: Path, origin_address: str) -> None:
    hole = os.environ.get("SOZU_BLACK_HOLE")
    if hole is None:
        pytest.skip("SOZU_BLACK_HOLE names no address whose packets are dropped (docs/testing.md)")
    clusters = {
        "sound": {"frontends": [{"hostname": "*"}], "backends": [origin_address]},
        "hole": {"frontends": [{"hostname": "hole"}], "backends": [hole]},
    }
    file = configuration(tmp_path, clusters, workers=1, timeouts={"connect": CONNECT}, pool={"idle": 1})
    with Proxy(tmp_path, "-c", str(file)) as proxy, unharmed(proxy):
        before = times(proxy, 2000)
        with ThreadPoolExecutor(CROWD // 10) as crowd:
            lost = [crowd.submit(timed, proxy, "hole") for _ in range(CROWD // 10)]
            during = times(proxy, 2000)
            answers = [each.result() for each in lost]
    seconds = sorted(took for _, took in answers)
    show(connect_timeout=CONNECT, first=seconds[0], last=seconds[-1], p99_ms_before=p99(before), p99_ms_during=p99(during))

    assert {status for status, _ in answers} == {504}
    assert seconds[0] >= CONNECT
    assert seconds[-1] < CONNECT + 1


def timed(proxy: Proxy, host: str) -> tuple[int, float]:
    began = monotonic()
    return get(proxy.port, host=host)[0], monotonic() - began


def times(proxy: Proxy, count: int) -> list[float]:
    """How long each of so many good answers took."""
    answers = [timed(proxy, "sound") for _ in range(count)]
    assert {status for status, _ in answers} == {200}
    return [took for _, took in answers]


def p99(seconds: list[float]) -> float:
    """In milliseconds."""
    return sorted(seconds)[len(seconds) * 99 // 100] * 1e3


ATTACKS = {
    "slow-head": ["-H", "-i", "2", "-x", "24"],
    "slow-body": ["-B", "-i", "2", "-s", "100000", "-x", "10"],
    "slow-reader": ["-X", "-k", "3", "-n", "3", "-w", "10", "-y", "20", "-z", "32"],
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_slow_clients_leave_the_service_available(tmp_path: Path, origin_address: str, attack: str) -> None:
    program = peer("slowhttptest")
    with serving(tmp_path, origin_address, workers=1) as proxy, unharmed(proxy, 16_000_000) as (pid,):
        url = f"http://127.0.0.1:{proxy.port}/bytes/1000000"
        command = [program, *ATTACKS[attack], "-c", str(CROWD), "-r", "400", "-l", "20", "-p", "2", "-u", url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            took, most = list[float](), 0
            while process.poll() is None:
                took += times(proxy, 1)
                most = max(most, resident_bytes(pid))
            assert process.stdout is not None
            said = re.sub(r"\x1b\[[0-9;]*m", "", process.stdout.read())
        show(attack=attack, asked=len(took), p99_ms=p99(took), max_ms=max(took) * 1e3, most_resident=most)

    availability = re.findall(r"service available:\s+(\w+)", said)
    assert availability, said
    assert set(availability) == {"YES"}


def test_a_starved_worker_rests_and_recovers(tmp_path: Path, origin_address: str) -> None:
    with serving(tmp_path, origin_address, workers=1) as proxy, unharmed(proxy) as (pid,), ExitStack() as crowd:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
        clients = [crowd.enter_context(socket.create_connection(("127.0.0.1", proxy.port), timeout=LIMIT)) for _ in range(CROWD)]
        for client in clients:
            client.sendall(b"GET / HTTP/1.1\r\nX-Half: ")
        proxy.lines.until("event=accept_paused reason=EMFILE")
        share = idle_share(pid, clients[-1])
        crowd.close()
        began = monotonic()
        assert get(proxy.port) == (200, b"origin")
        show(cpu_while_starved=share, seconds_to_recover=monotonic() - began)

    assert share < STARVED_CPU


def test_a_worker_born_with_few_descriptors_serves_whom_it_can(tmp_path: Path, origin_address: str) -> None:
    few = f"import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, ({DESCRIPTORS},) * 2); os.execv(sys.argv[1], sys.argv[1:])"
    file = configuration(tmp_path, every_host(origin_address), workers=1, pool={"idle": 1})
    with Proxy(tmp_path, "-c", str(file), through=[sys.executable, "-c", few]) as proxy, unharmed(proxy) as (pid,), ExitStack() as crowd:
        clients = [crowd.enter_context(socket.create_connection(("127.0.0.1", proxy.port), timeout=LIMIT)) for _ in range(CROWD)]
        for client in clients:
            client.sendall(b"GET / HTTP/1.1\r\nX-Half: ")
        share = idle_share(pid, clients[-1])
        crowd.close()
        assert get(proxy.port) == (200, b"origin")
        show(cpu_while_full=share, lines=proxy.lines.so_far()[-4:])

    assert share < STARVED_CPU


def idle_share(pid: int, silent: socket.socket, seconds: float = 2.0) -> float:
    """The share of a core that a process takes while one client waits for an answer that does not come."""
    used, began = cpu_seconds(pid), monotonic()
    silent.settimeout(seconds)
    with pytest.raises(TimeoutError):
        silent.recv(1)
    return (cpu_seconds(pid) - used) / (monotonic() - began)
