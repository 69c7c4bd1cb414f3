"""What lasts longer than an upgrade: downloads, uploads and tunnels go on at the worker that has them, until they end or its grace does."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
import hashlib
from http.client import HTTPException
import socket
import socketserver
import threading

import pytest

from sozu.command.answers import Status
from sozu.command.client import Client
from sozu.command.requests import UpgradeMaster
from tests.e2e.asking import connect, download, upload
from tests.e2e.origin import pattern
from tests.e2e.processes import LIMIT, Proxy, configuration, every_host

MEBIBYTE = 1 << 20
SIZES = [24 * MEBIBYTE, pytest.param(100 * MEBIBYTE, marks=pytest.mark.slow)]
COUNTS = [10, pytest.param(200, marks=pytest.mark.slow)]
HANDSHAKE = b"GET /echo HTTP/1.1\r\nHost: any.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
MESSAGE = b"0123456789abcdef" * 8


def digest_of(size: int) -> str:
    digest = hashlib.sha256()
    for piece in pattern(size):
        digest.update(piece)
    return digest.hexdigest()


@contextmanager
def upgrading(proxy: Proxy) -> Iterator[Callable[[], str]]:
    """Every worker has a successor and drains while the block runs; afterwards the function gives the last word."""
    with Client(proxy.socket, timeout=LIMIT) as tool:
        answers = tool.ask(UpgradeMaster(grace=LIMIT))
        for answer in answers:
            if "worker 1" in answer.message and "finishes what it has" in answer.message:
                break
        else:
            pytest.fail("it ended before its time")
        last: list[str] = []

        def end() -> str:
            last.extend(answer.message for answer in answers if answer.status is not Status.PROCESSING)
            return last[-1]

        yield end


@pytest.mark.parametrize("size", SIZES)
def test_a_download_goes_on(shared: Proxy, size: int) -> None:
    connection, digest = connect(shared.port), hashlib.sha256()
    connection.request("GET", f"/bytes/{size}", headers={"Host": "any.example"})
    with connection.getresponse() as response:
        digest.update(response.read(size // 4))
        with upgrading(shared) as end:
            while piece := response.read(65536):
                digest.update(piece)
            connection.close()
            assert end().startswith("upgraded: ")
    assert digest.hexdigest() == digest_of(size)


@pytest.mark.parametrize("size", SIZES)
def test_an_upload_goes_on(shared: Proxy, size: int) -> None:
    with ExitStack() as upgrade:
        ends: list[Callable[[], str]] = []

        def pieces() -> Iterator[bytes]:
            sent = 0
            for piece in pattern(size):
                yield piece
                sent += len(piece)
                if not ends and sent >= size // 4:
                    ends.append(upgrade.enter_context(upgrading(shared)))

        assert upload(shared.port, pieces(), length=size) == {"length": size, "sha256": digest_of(size)}
        assert ends[0]().startswith("upgraded: ")


@pytest.mark.parametrize("size", [8 * MEBIBYTE, pytest.param(100 * MEBIBYTE, marks=pytest.mark.slow)])
def test_transfers_at_full_speed_are_whole_whenever_the_upgrade_meets_them(shared: Proxy, size: int) -> None:
    sha, upgraded, wrong = digest_of(size), threading.Event(), list[object]()
    transfers: list[Callable[[], bool]] = [
        lambda: download(shared.port, f"/bytes/{size}") == (size, sha),
        lambda: upload(shared.port, pattern(size), length=size) == {"length": size, "sha256": sha},
    ]

    def again_and_again(is_whole: Callable[[], bool]) -> None:
        while not upgraded.is_set():
            try:
                if not is_whole():
                    wrong.append(is_whole)
            except (OSError, HTTPException) as error:
                wrong.append(error)

    threads = [threading.Thread(target=again_and_again, args=(each,)) for each in transfers]
    for thread in threads:
        thread.start()
    told = shared.ask(UpgradeMaster(grace=LIMIT)).message
    upgraded.set()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert told.startswith("upgraded: ")


class Echo(socketserver.BaseRequestHandler):
    """Switches, and sends back what comes."""

    def handle(self) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.request.recv(1)
        self.request.sendall(SWITCHED)
        while data := self.request.recv(65536):
            self.request.sendall(data)


class EchoServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 512


@pytest.fixture
def echo() -> Iterator[str]:
    with EchoServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield "{}:{}".format(*server.server_address)
        server.shutdown()
        thread.join()


def tunnel(port: int) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), LIMIT)
    client.sendall(HANDSHAKE)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1)
    assert head.startswith(b"HTTP/1.1 101")
    return client


def echoed(client: socket.socket) -> bool:
    client.sendall(MESSAGE)
    received = b""
    while len(received) < len(MESSAGE):
        piece = client.recv(65536)
        if not piece:
            return False
        received += piece
    return received == MESSAGE


@pytest.mark.parametrize("count", COUNTS)
def test_tunnels_go_on(tmp_path_factory: pytest.TempPathFactory, echo: str, count: int) -> None:
    folder = tmp_path_factory.mktemp("tunnels")
    with Proxy(folder, "-c", str(configuration(folder, every_host(echo), workers=2))) as proxy:
        clients = [tunnel(proxy.port) for _ in range(count)]
        with upgrading(proxy) as end:
            for _ in range(3):
                assert [echoed(client) for client in clients] == [True] * count
            for client in clients:
                client.close()
            assert end().startswith("upgraded: ")
