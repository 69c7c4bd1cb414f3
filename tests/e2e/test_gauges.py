"""Whatever was done, and however it ended: when nobody is served any more, nothing of it is left."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
import socket
from time import monotonic
from typing import Any

import pytest

from sozu.command.requests import Metrics
from tests.e2e.asking import connect, download, get, upload
from tests.e2e.load import Load
from tests.e2e.processes import LIMIT, Proxy, configuration, every_host

GAUGES = ("connections_open", "exchanges_open", "tunnels_open", "backend_connections_open", "greenlets_busy")
CHUNK = b"x" * 65536


@pytest.fixture
def busy(tmp_path: Path, origin_address: str) -> Iterator[Proxy]:
    """Connections to backends are not kept for long."""
    file = configuration(tmp_path, every_host(origin_address), workers=1, pool={"idle": 0.2}, timeouts={"front": 2})
    with Proxy(tmp_path, "-c", str(file)) as proxy:
        yield proxy


def figures(proxy: Proxy) -> dict[str, Any]:
    told: dict[str, Any] = proxy.ask(Metrics()).data["total"]
    return told


def at_rest(proxy: Proxy, descriptors: int) -> dict[str, Any]:
    """The figures once nothing is open; or as they are after a long time."""
    until = monotonic() + LIMIT
    while True:
        now = figures(proxy)
        if monotonic() > until or (not any(now[name] for name in GAUGES) and now["descriptors_open"] <= descriptors):
            return now


def leave_in_the_middle(port: int, request: bytes, size: int) -> None:
    with socket.create_connection(("127.0.0.1", port), LIMIT) as client, suppress(ConnectionResetError):
        client.sendall(request)
        client.recv(size)


def test_all_gauges_return_to_where_they_were(busy: Proxy) -> None:
    get(busy.port)
    download(busy.port, "/bytes/3000000")  # the pipes that are kept for such are there from now on
    before = at_rest(busy, 1 << 20)["descriptors_open"]

    with Load(busy.port, clients=4) as load:
        load.further(100)
    download(busy.port, "/bytes/3000000")
    upload(busy.port, [CHUNK] * 32, length=len(CHUNK) * 32)
    leave_in_the_middle(busy.port, b"GET /bytes/9000000 HTTP/1.1\r\nHost: any.example\r\n\r\n", 1000)
    leave_in_the_middle(busy.port, b"PUT /hash HTTP/1.1\r\nHost: any.example\r\nContent-Length: 9000000\r\n\r\nhalf", 0)
    leave_in_the_middle(busy.port, b"nonsense\r\n\r\n", 1000)
    leave_in_the_middle(busy.port, b"GET /name HTTP/1.1\r\nHos", 0)
    idle = [connect(busy.port) for _ in range(8)]
    for connection in idle:
        connection.request("GET", "/name", headers={"Host": "any.example"})
        connection.getresponse().read()
    during = figures(busy)
    for connection in idle:
        connection.close()
    after = at_rest(busy, before)

    assert during["connections_open"] >= len(idle)
    assert during["descriptors_open"] > before
    assert {name: after[name] for name in GAUGES} == dict.fromkeys(GAUGES, 0)
    assert after["descriptors_open"] <= before
    assert load.failures.total() == 0
