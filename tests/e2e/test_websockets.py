"""WebSockets through the proxy, played by the `websockets` library on both sides: what it sends must arrive byte for byte."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
import os
import queue
import threading

import pytest
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection, serve

from tests.e2e.processes import LIMIT, Proxy, configuration, every_host

MEBIBYTE = 1 << 20

Closed = tuple[int | None, str]


class EchoServer:
    """Sends every message back as it came; how connections closed is in `closed`."""

    def __init__(self) -> None:
        self.closed: queue.Queue[Closed] = queue.Queue()
        self._server = serve(self._talk, "127.0.0.1", 0, max_size=None, compression=None)
        self.address = "{}:{}".format(*self._server.socket.getsockname())
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def _talk(self, connection: ServerConnection) -> None:
        with suppress(ConnectionClosedError):  # any code but 1000 and 1001
            for message in connection:
                self._answer(connection, message)
        self.closed.put((connection.close_code, connection.close_reason or ""))

    @staticmethod
    def _answer(connection: ServerConnection, message: str | bytes) -> None:
        match message:
            case "close 4001":
                connection.close(4001, "as you wish")
            case "ping me":
                connection.send(f"pong: {connection.ping('now').wait(LIMIT)}")
            case _:
                connection.send(message)

    def end(self) -> None:
        self._server.shutdown()
        self._thread.join(LIMIT)


@pytest.fixture(scope="module")
def echo() -> Iterator[EchoServer]:
    server = EchoServer()
    yield server
    server.end()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory, echo: EchoServer) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("websockets")
    file = configuration(folder, every_host(echo.address), workers=1)
    with Proxy(folder, "-c", str(file)) as running:
        yield running


@contextmanager
def client(proxy: Proxy, address: str = "") -> Iterator[ClientConnection]:
    with connect(f"ws://{address or f'127.0.0.1:{proxy.port}'}/chat", max_size=None, compression=None, open_timeout=LIMIT) as connection:
        yield connection


def send_all(connection: ClientConnection, messages: Iterable[bytes]) -> None:
    for message in messages:
        connection.send(message)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, MEBIBYTE])
def test_a_message_of_any_size_comes_back_whole(proxy: Proxy, size: int) -> None:
    message = os.urandom(size)  # the library masks it with a key of its own for each frame
    with client(proxy) as connection:
        connection.send(message)
        assert connection.recv(LIMIT) == message


def test_text_in_fragments_comes_back_whole(proxy: Proxy) -> None:
    fragments = ["frag", "", "ments ", "of one message: ", "ü" * 70_000]
    with client(proxy) as connection:
        connection.send(fragments)
        assert connection.recv(LIMIT) == "".join(fragments)


def test_much_may_be_on_its_way_both_ways(proxy: Proxy) -> None:
    messages = [os.urandom(MEBIBYTE) for _ in range(8)]
    with client(proxy) as connection:
        sender = threading.Thread(target=send_all, args=(connection, messages))
        sender.start()
        assert [connection.recv(LIMIT) for _ in messages] == messages
        sender.join(LIMIT)


def test_all_of_it_passes_a_tcp_listener_too(proxy: Proxy) -> None:
    proxy.run("listener", "add", "tcp", "127.0.0.1:0", "--cluster", "all")
    (address,) = (each["address"] for each in proxy.status()["listeners"] if each["protocol"] == "tcp")
    messages = [os.urandom(MEBIBYTE) for _ in range(8)]
    with client(proxy, address) as connection:
        sender = threading.Thread(target=send_all, args=(connection, messages))
        sender.start()
        assert [connection.recv(LIMIT) for _ in messages] == messages
        sender.join(LIMIT)
        connection.send("close 4001")
        with pytest.raises(ConnectionClosedError):
            connection.recv(LIMIT)
        assert connection.close_code == 4001


def test_pings_pass_both_ways(proxy: Proxy) -> None:
    with client(proxy) as connection:
        assert connection.ping("there?").wait(LIMIT)
        connection.send("ping me")
        assert connection.recv(LIMIT) == "pong: True"


def test_the_clients_close_code_reaches_the_server(proxy: Proxy, echo: EchoServer) -> None:
    with client(proxy) as connection:
        connection.send("x")
        connection.recv(LIMIT)
        connection.close(4000, "enough")
    # Connections of the tests before may still be ending.
    assert (4000, "enough") in iter(partial(echo.closed.get, timeout=LIMIT), None)


def test_the_servers_close_code_reaches_the_client(proxy: Proxy) -> None:
    with client(proxy) as connection:
        connection.send("close 4001")
        with pytest.raises(ConnectionClosedError) as closed:
            connection.recv(LIMIT)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "as you wish")


def test_a_normal_close_is_a_normal_close(proxy: Proxy) -> None:
    with client(proxy) as connection:
        connection.close()
        with pytest.raises(ConnectionClosedOK):
            connection.recv(LIMIT)


def test_a_tunnel_is_live_until_it_ends(proxy: Proxy, echo: EchoServer) -> None:
    with client(proxy) as connection:
        connection.send("x")
        connection.recv(LIMIT)
        assert [worker["exchanges"] for worker in proxy.status()["workers"]] == [1]
        removing = threading.Thread(target=proxy.run, args=("backend", "remove", "all", echo.address))
        removing.start()
        connection.send("still here")
        assert connection.recv(LIMIT) == "still here"
        assert removing.is_alive()
    removing.join(LIMIT)
    assert not removing.is_alive()
    proxy.run("backend", "add", "all", echo.address)
