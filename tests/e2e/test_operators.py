"""What operators expect of a cluster, through whole proxies: who keeps his backend, who gets the new version, who is taken out, how much is let in."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
import os
from pathlib import Path
import signal
import socket
import threading
from typing import Any

import pytest

from sozu.command.orders import AddBackend
from sozu.command.requests import Explain
from tests.e2e.asking import get
from tests.e2e.load import Load
from tests.e2e.processes import LIMIT, Proxy, configuration, origin

CLIENTS = [200, pytest.param(1000, marks=pytest.mark.slow)]
REQUESTS = [4000, pytest.param(20_000, marks=pytest.mark.slow)]


def asked(connection: HTTPConnection, cookie: str = "") -> tuple[bytes, str]:
    """Who answers, and the cookie that he gives."""
    connection.request("GET", "/name", headers={"Host": "a.example"} | ({"Cookie": cookie} if cookie else {}))
    response = connection.getresponse()
    assert response.status == 200
    return response.read(), (response.headers["Set-Cookie"] or "").partition(";")[0]


@pytest.mark.parametrize("number", CLIENTS)
def test_clients_keep_their_backend_when_a_worker_is_killed(tmp_path: Path, number: int) -> None:
    with origin("one") as one, origin("two") as two:
        cluster = {"sticky": "SITE", "frontends": [{"hostname": "*"}], "backends": [{"address": one, "id": "one"}, {"address": two, "id": "two"}]}
        with Proxy(tmp_path, "-c", str(configuration(tmp_path, {"all": cluster}, workers=2))) as proxy:
            first = HTTPConnection("127.0.0.1", proxy.port, timeout=LIMIT)
            clients = [asked(first) for _ in range(number)]
            assert {name for name, _ in clients} == {b"one", b"two"}

            os.kill(proxy.worker_pids()[0], signal.SIGKILL)
            proxy.lines.until("worker_ready")
            for _ in range(4):  # connections: over both workers, as a rule
                again = HTTPConnection("127.0.0.1", proxy.port, timeout=LIMIT)
                assert all(asked(again, cookie) == (name, "") for name, cookie in clients)
                again.close()
            first.close()


@pytest.mark.parametrize("number", REQUESTS)
def test_a_canary_gets_its_share(tmp_path: Path, number: int) -> None:
    with origin("old") as old, origin("new") as new:
        clusters: dict[str, dict[str, Any]] = {
            "site": {"split": [{"cluster": "next", "share": 10}], "frontends": [{"hostname": "*"}], "backends": [old]},
            "next": {"backends": [new]},
        }
        with Proxy(tmp_path, "-c", str(configuration(tmp_path, clusters, workers=2))) as proxy:
            found = Counter[bytes]()
            for _ in range(4):
                connection = HTTPConnection("127.0.0.1", proxy.port, timeout=LIMIT)
                found.update(asked(connection)[0] for _ in range(number // 4))
                connection.close()

    assert abs(found[b"new"] / number - 0.1) <= 0.02, found


class Moody(ThreadingHTTPServer):
    """Serves every request, but says at /health whether it feels like it."""

    daemon_threads = True
    well = True

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            well = self.path != "/health" or self.server.well  # type: ignore[attr-defined]
            self.send_response(200 if well else 500)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"moody")

        def log_message(self, *_: object) -> None:
            """Say nothing."""


@contextmanager
def moody() -> Iterator[tuple[Moody, str]]:
    with Moody(("127.0.0.1", 0), Moody.Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server, f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_check_takes_an_origin_out_and_back_without_a_failed_request(tmp_path: Path) -> None:
    with moody() as (server, address), origin("calm") as calm:
        health = {"path": "/health", "interval": 0.05, "timeout": 20, "rise": 2, "fall": 2, "status": [200, 404]}
        cluster = {"health": health, "frontends": [{"hostname": "*"}], "backends": [address, calm]}
        with Proxy(tmp_path, "-c", str(configuration(tmp_path, {"all": cluster}, workers=2))) as proxy, Load(proxy.port, clients=2) as load:
            load.further(50)
            server.well = False
            for _ in range(2):  # in either worker; the master says `address`
                proxy.lines.until(f"event=backend_down .*backend={address}")
            alone = Counter(get(proxy.port)[1] for _ in range(50))
            server.well = True
            for _ in range(2):
                proxy.lines.until(f"event=backend_up .*backend={address}")
            both = Counter(get(proxy.port)[1] for _ in range(50))
            load.further(50)

    assert load.failures == Counter()
    assert alone == {b"calm": 50}
    assert set(both) == {b"calm", b"moody"}


def checked(folder: Path, *backends: str) -> Path:
    health = {"path": "/health", "interval": 0.05, "timeout": 20, "rise": 1, "fall": 1, "status": [200, 404]}
    return configuration(folder, {"all": {"health": health, "frontends": [{"hostname": "*"}], "backends": list(backends)}}, workers=2)


def both_see_down(proxy: Proxy, address: str) -> None:
    for _ in range(2):
        proxy.lines.until(f"event=backend_down .*backend={address}")


def test_a_newcomer_is_told_who_is_down_and_not_who_was(tmp_path: Path) -> None:
    with moody() as (back, was), moody() as (ill, down), origin("calm") as calm:
        file = checked(tmp_path, was, down, calm)
        with Proxy(tmp_path, "-c", str(file)) as proxy:
            ill.well = False
            both_see_down(proxy, down)
            back.well = False
            both_see_down(proxy, was)
            back.well = True
            proxy.ask(AddBackend(cluster="all", address=was, maintenance=True))
            proxy.ask(AddBackend(cluster="all", address=was))
            os.kill(proxy.worker_pids()[1], signal.SIGKILL)
            proxy.lines.until("event=worker_ready slot=1")
            proxy.lines.until(f"event=backend_down .*backend={down}")
            # Asked after all that the master has told the newcomer, over the same channel.
            (explained,) = proxy.ask(Explain(url="http://a.example/")).data["explanations"]

    assert {row["address"]: row["down"] for row in explained["backends"]} == {was: 0, down: 2, calm: 0}


def test_who_is_down_outlives_the_master(tmp_path: Path) -> None:
    with moody() as (ill, down), origin("calm") as calm:
        file = checked(tmp_path, down, calm)
        with Proxy(tmp_path, "-c", str(file)) as first:
            ill.well = False
            both_see_down(first, down)
            first.process.kill()
            first.wait()
            with Proxy(tmp_path, "-c", str(file)) as second:
                os.kill(second.worker_pids()[1], signal.SIGKILL)
                second.lines.until(f"event=backend_down .*backend={down}")


def test_a_session_passes_a_tcp_listener_whoever_speaks_first(tmp_path: Path, origin_address: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        clusters: dict[str, dict[str, Any]] = {"pg": {"backends": [address]}, "all": {"frontends": [{"hostname": "*"}], "backends": [origin_address]}}
        file = configuration(tmp_path, clusters, workers=1, access_log={"path": "./access.log"})
        with Proxy(tmp_path, "-c", str(file)) as proxy:
            proxy.run("listener", "add", "tcp", "127.0.0.1:0")
            (tcp,) = (each["address"] for each in proxy.status()["listeners"] if each["protocol"] == "tcp")
            proxy.run("listener", "update", "tcp", tcp, "--cluster", "pg")
            with socket.create_connection(("127.0.0.1", int(tcp.rpartition(":")[2])), timeout=LIMIT) as client:
                session, _ = server.accept()
                with session:
                    session.settimeout(LIMIT)
                    session.sendall(b"R\0\0\0\x08")
                    assert client.recv(100) == b"R\0\0\0\x08"
                    client.sendall(b"Q\0\0\0\x04")
                    assert session.recv(100) == b"Q\0\0\0\x04"
                    client.shutdown(socket.SHUT_WR)
                    assert session.recv(100) == b""
                    session.sendall(b"Z")
                    assert client.recv(100) == b"Z"
                assert client.recv(100) == b""
            proxy.run("stop")
            proxy.wait()
        (line,) = (json.loads(each) for each in (tmp_path / "access.log").read_text().splitlines())

    assert (line["cluster"], line["backend"], line["bytes_in"], line["bytes_out"]) == ("pg", address, 5, 6)
