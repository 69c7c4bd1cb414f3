"""What operators are promised of balancing and limits, with nginx behind the proxy and wrk, or a client of our own, before it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import cycle
import os
from pathlib import Path
import re
import signal
import socket
import subprocess
from time import monotonic
from typing import Any

import pytest
from websockets.sync.client import connect as open_websocket

from sozu.command.facts import Protocol
from sozu.command.orders import AddListener
from tests.e2e.asking import connect, get
from tests.e2e.nginx_origin import nginx
from tests.e2e.processes import LIMIT, Proxy, configuration, peer, run_peer
from tests.e2e.test_websockets import EchoServer

CLIENTS = 1000
AT_ONCE = 50  # requests on their way on one connection

WEBSOCKETS = """
        location /chat {{
            proxy_pass http://{address};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
        }}
"""


def wrk(proxy: Proxy, connections: int) -> tuple[int, int]:
    """Requests in a second, and those of them that were no success; no socket may fail."""
    told = run_peer([peer("wrk"), "-t1", f"-c{connections}", "-d1s", "--timeout", "20s", f"http://127.0.0.1:{proxy.port}/"])
    assert "Socket errors" not in told, told
    found = re.search(r"(\d+) requests in", told)
    assert found, told
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    return int(found[1]), int(failed[1]) if failed else 0


def test_a_canary_gets_its_share_of_twenty_thousand_requests(tmp_path: Path) -> None:
    with nginx(tmp_path / "old", "old") as old, nginx(tmp_path / "new", "new") as new:
        clusters: dict[str, dict[str, Any]] = {
            "site": {"split": [{"cluster": "next", "share": 5}], "frontends": [{"hostname": "*"}], "backends": [old.address]},
            "next": {"backends": [new.address]},
        }
        asked = 0
        with Proxy(tmp_path, "-c", str(configuration(tmp_path, clusters, workers=2))) as proxy:
            while asked < 20_000:
                more, failed = wrk(proxy, connections=16)
                assert not failed
                asked += more

    share = new.asked / (new.asked + old.asked)
    assert old.asked + new.asked >= asked
    assert share == pytest.approx(0.05, rel=0.02)


def visits(port: int, cookies: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Who answers each of these clients, and the cookie that he gives; they are many on one connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as sock, sock.makefile("rb") as answers:
        for start in range(0, len(cookies), AT_ONCE):
            some = cookies[start : start + AT_ONCE]
            lines = [f"Cookie: {cookie}\r\n" if cookie else "" for cookie in some]
            sock.sendall("".join(f"GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n" for line in lines).encode())
            for _ in some:
                head = b"".join(iter(answers.readline, b"\r\n")).decode()
                assert head.startswith("HTTP/1.1 200 "), head
                fields = dict(line.split(": ", 1) for line in head.splitlines()[1:])
                body = answers.read(int(fields["Content-Length"])).decode()
                yield body, fields.get("Set-Cookie", "").partition(";")[0]


def test_a_thousand_clients_keep_their_backend_when_a_worker_is_killed(tmp_path: Path) -> None:
    with nginx(tmp_path / "1", "one") as one, nginx(tmp_path / "2", "two") as two, nginx(tmp_path / "3", "three") as three:
        backends = [{"address": each.address, "id": name} for name, each in (("one", one), ("two", two), ("three", three))]
        clusters = {"all": {"sticky": "SITE", "frontends": [{"hostname": "*"}], "backends": backends}}
        with Proxy(tmp_path, "-c", str(configuration(tmp_path, clusters, workers=2))) as proxy:
            clients = list(visits(proxy.port, [""] * CLIENTS))
            assert set(Counter(name for name, _ in clients).values()) <= {CLIENTS // 3, CLIENTS // 3 + 1}
            assert all(cookie for _, cookie in clients)

            for pid in proxy.worker_pids():
                os.kill(pid, signal.SIGKILL)
                proxy.lines.until("worker_ready")
            cookies = [cookie for _, cookie in clients]
            assert list(visits(proxy.port, cookies)) == [(name, "") for name, _ in clients]


def test_a_check_takes_a_failing_nginx_out_and_back_without_a_failed_request(tmp_path: Path) -> None:
    with nginx(tmp_path / "ill", "ill") as ill, nginx(tmp_path / "well", "well") as well:
        health = {"path": "/health", "interval": 0.1, "timeout": 20, "rise": 2, "fall": 2, "status": [204]}
        clusters = {"all": {"health": health, "frontends": [{"hostname": "*"}], "backends": [ill.address, well.address]}}
        command = [peer("wrk"), "-t1", "-c4", "-d60s", "--timeout", "20s"]
        with Proxy(tmp_path, "-c", str(configuration(tmp_path, clusters, workers=2))) as proxy:
            load = subprocess.Popen([*command, f"http://127.0.0.1:{proxy.port}/"], stdout=subprocess.PIPE, text=True)
            try:
                ill.fall_ill()
                for _ in range(2):  # in either worker; the master says `address`
                    proxy.lines.until(f"event=backend_down .*backend={ill.address}")
                alone = {get(proxy.port, "/")[1] for _ in range(20)}
                ill.recover()
                for _ in range(2):
                    proxy.lines.until(f"event=backend_up .*backend={ill.address}")
                both = {get(proxy.port, "/")[1] for _ in range(20)}
            finally:
                load.send_signal(signal.SIGINT)
                told, _ = load.communicate(timeout=LIMIT)

    assert alone == {b"well"}
    assert both == {b"ill", b"well"}
    assert "requests in" in told
    assert "Non-2xx" not in told, told
    assert "Socket errors" not in told, told


@pytest.mark.parametrize("number", [1, 8])
def test_a_rate_is_exact_whichever_workers_the_connections_came_to(tmp_path: Path, number: int) -> None:
    rate, burst, window = 40, 20, 16
    with nginx(tmp_path / "origin") as origin:
        frontend = {"hostname": "*", "rate": {"requests": rate, "burst": burst}}
        clusters = {"all": {"frontends": [frontend], "backends": [origin.address]}}
        with Proxy(tmp_path, "-c", str(configuration(tmp_path, clusters, workers=2))) as proxy:
            connections = [connect(proxy.port) for _ in range(number)]
            began, times, refused, waited = monotonic(), list[float](), False, set[int]()
            for connection in cycle(connections):
                connection.request("GET", "/")
                response = connection.getresponse()
                response.read()
                if response.status == 200:
                    if refused:
                        waited.add(len(times))
                    times.append(monotonic() - began)
                    if len(times) > burst + 4 * window:
                        break
                refused = response.status == 429
            for connection in connections:
                connection.close()

    # Never more; and exactly as many wherever we had to wait for both, the first and the last one: a busy machine may not let us ask as often as we may.
    assert all(time >= (count - burst) / rate for count, time in enumerate(times, 1))
    took = [times[start + window] - times[start] for start in waited if start + window in waited]
    assert min(abs(each - window / rate) for each in took) <= 0.05 * window / rate, took


def tcp_listener(proxy: Proxy) -> str:
    """Its address; it leads to the same cluster."""
    proxy.ask(AddListener(protocol=Protocol.TCP, address="127.0.0.1:0", cluster="all"))
    (address,) = (each["address"] for each in proxy.status()["listeners"] if each["protocol"] == "tcp")
    return str(address)


def test_a_websocket_passes_a_tcp_listener_to_nginx(tmp_path: Path) -> None:
    echo = EchoServer()
    with nginx(tmp_path / "origin", more=WEBSOCKETS.format(address=echo.address)) as origin:
        clusters = {"all": {"frontends": [{"hostname": "*"}], "backends": [origin.address]}}
        with Proxy(tmp_path, "-c", str(configuration(tmp_path, clusters, workers=1))) as proxy:
            tcp = tcp_listener(proxy)
            for address in (tcp, f"127.0.0.1:{proxy.port}"):
                with open_websocket(f"ws://{address}/chat", compression=None, open_timeout=LIMIT) as connection:
                    messages: list[str | bytes] = ["Grüße", b"\0" * 70_000, b""]
                    for message in messages:
                        connection.send(message)
                    assert [connection.recv(LIMIT) for _ in messages] == messages
    echo.end()


def test_a_session_of_http_passes_a_tcp_listener_to_nginx(tmp_path: Path) -> None:
    with nginx(tmp_path / "origin") as origin:
        clusters = {"all": {"backends": [origin.address]}}
        with Proxy(tmp_path, "-c", str(configuration(tmp_path, clusters, workers=1))) as proxy:
            tcp = tcp_listener(proxy)
            connection = connect(int(tcp.rpartition(":")[2]))
            for _ in range(3):
                connection.request("GET", "/")
                assert connection.getresponse().read() == b"hello from nginx\n"
            connection.close()
