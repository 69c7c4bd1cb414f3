"""The proxy between programs that others wrote: wrk before it, nginx behind it."""

from collections.abc import Iterator
from pathlib import Path
import re
import socket

import pytest

from tests.e2e.nginx_origin import nginx
from tests.e2e.processes import LIMIT, Proxy, configuration, every_host, peer, run_peer

CONNECTIONS = 32


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Two workers, and nginx behind them."""
    folder = tmp_path_factory.mktemp("peers")
    with nginx(folder) as origin, Proxy(folder, "-c", str(configuration(folder, every_host(origin.address)))) as running:
        yield running


@pytest.mark.parametrize("requests", [20_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_many_requests_of_wrk_reach_nginx_without_an_error(proxy: Proxy, requests: int) -> None:
    wrk = peer("wrk")
    before = [worker["requests"] for worker in proxy.status()["workers"]]
    asked = 0
    while asked < requests:
        told = run_peer([wrk, "-t1", f"-c{CONNECTIONS}", "-d1s", "--timeout", "10s", f"http://127.0.0.1:{proxy.port}/"])
        assert "Socket errors" not in told, told
        assert "Non-2xx" not in told, told
        found = re.search(r"(\d+) requests in", told)
        assert found, told
        asked += int(found.group(1))
    served = [worker["requests"] - known for worker, known in zip(proxy.status()["workers"], before, strict=True)]

    assert len(served) == 2
    assert all(count > asked / 10 for count in served), served
    # wrk ends in the middle of its last requests: those are served as well, and not counted by it.
    assert asked <= sum(served)


def test_curl_sees_the_pages_of_the_origin(proxy: Proxy) -> None:
    said = run_peer([peer("curl"), "-sS", "-i", f"http://127.0.0.1:{proxy.port}/"])

    assert said.startswith("HTTP/1.1 200 OK")
    assert said.endswith("hello from nginx\n")
    assert "sozu-id:" in said.lower()


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_nginx_is_told_who_the_client_is_by_http_and_by_tcp(tmp_path: Path, version: str) -> None:
    with nginx(tmp_path):
        cluster = {"proxy_protocol": version, "backends": [f"unix:{tmp_path}/proxied.sock"]}
        file = configuration(tmp_path, {"all": {"frontends": [{"hostname": "*"}], **cluster}})
        with Proxy(tmp_path, "-c", str(file)) as running:
            running.run("listener", "add", "tcp", "127.0.0.1:0", "--cluster", "all")
            (tcp,) = (each["address"] for each in running.status()["listeners"] if each["protocol"] == "tcp")
            for port in (running.port, int(tcp.rpartition(":")[2])):
                with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as client:
                    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                    answer = client.makefile("rb").read()
                    assert answer.endswith(b"127.0.0.1:%d\n" % client.getsockname()[1]), answer
