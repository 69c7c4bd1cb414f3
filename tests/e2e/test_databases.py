"""A session as psql has one, through a tcp listener: both sides speak when it is their turn, a second connection cancels, and it outlives a worker.

PostgreSQL's protocol, version 3 (https://www.postgresql.org/docs/current/protocol-message-formats.html): each message has a type, its length and a
payload; only the first ones of a client have no type. The database is played.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from io import BufferedIOBase
import socket
import socketserver
import struct
import threading

import pytest

from sozu.command.answers import Status
from sozu.command.client import Client
from sozu.command.facts import LoadBalancing, Protocol
from sozu.command.orders import AddBackend, AddCluster, AddListener
from sozu.command.requests import UpgradeWorker
from tests.e2e.processes import LIMIT, Proxy

SSL_REQUEST, CANCEL_REQUEST, VERSION_3 = 80877103, 80877102, 196608
READY = b"Z\0\0\0\5I"


def message(kind: bytes, payload: bytes = b"") -> bytes:
    return kind + struct.pack("!I", len(payload) + 4) + payload


def read(stream: BufferedIOBase, kind: int = 1) -> tuple[bytes, bytes]:
    """(type, payload)."""
    told = stream.read(kind) or b"" if kind else b""
    size = stream.read(4)
    return (told, stream.read(struct.unpack("!I", size)[0] - 4) or b"") if size else (b"", b"")


class Session(socketserver.StreamRequestHandler):
    """Of the database."""

    server: "Database"

    def handle(self) -> None:
        said = read(self.rfile, kind=0)[1]
        if said == struct.pack("!I", SSL_REQUEST):
            self.wfile.write(b"N")
            said = read(self.rfile, kind=0)[1]
        if said.startswith(struct.pack("!I", CANCEL_REQUEST)):
            self.server.cancelled.set()
            return
        self.wfile.write(message(b"R", b"\0\0\0\3"))  # a password in plain text, please
        assert read(self.rfile) == (b"p", b"sesame\0")
        self.wfile.write(message(b"R", b"\0\0\0\0") + message(b"K", b"\0\0\0\7\0\0\0\x2a") + READY)
        while (asked := read(self.rfile))[0] == b"Q":
            if b"pg_sleep" in asked[1]:
                self.server.cancelled.wait(LIMIT)
                self.wfile.write(message(b"E", b"SERROR\0C57014\0\0") + READY)
            else:
                self.wfile.write(message(b"D", b"\0\1\0\0\0\1" + asked[1][7:8]) * 20_000 + message(b"C", b"SELECT 20000\0") + READY)
        assert asked == (b"X", b"")


class Database(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.cancelled = threading.Event()
        self.address = f"127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def database() -> Iterator[Database]:
    with Database() as database:
        serving = threading.Thread(target=database.serve_forever)
        serving.start()
        yield database
        database.shutdown()
        serving.join()


def test_a_database_is_asked_through_a_tcp_listener_also_while_its_worker_is_replaced(proxy: Proxy, database: Database) -> None:
    proxy.ask(AddCluster(cluster="pg", load_balancing=LoadBalancing.LEAST_LOADED))
    proxy.ask(AddBackend(cluster="pg", address=database.address))
    proxy.ask(AddListener(protocol=Protocol.TCP, address="127.0.0.1:0", cluster="pg"))
    (port,) = (int(each["address"].rpartition(":")[2]) for each in proxy.status()["listeners"] if each["protocol"] == "tcp")

    with ExitStack() as stack:
        tool = stack.enter_context(Client(proxy.socket, timeout=LIMIT))
        client = stack.enter_context(socket.create_connection(("127.0.0.1", port), LIMIT))
        answers = stack.enter_context(client.makefile("rb"))
        client.sendall(message(b"", struct.pack("!I", SSL_REQUEST)))
        assert answers.read(1) == b"N"
        client.sendall(message(b"", struct.pack("!I", VERSION_3) + b"user\0ann\0\0"))
        assert answers.read(9) == message(b"R", b"\0\0\0\3")
        client.sendall(message(b"p", b"sesame\0"))
        assert answers.read(9 + 13 + 6).endswith(READY)
        asked = tool.ask(UpgradeWorker(worker=0, grace=LIMIT))
        assert any("finishes what it has" in answer.message for answer in asked)
        client.sendall(message(b"Q", b"SELECT 1\0"))
        rows = message(b"D", b"\0\1\0\0\0\1" + b"1") * 20_000 + message(b"C", b"SELECT 20000\0") + READY
        assert answers.read(len(rows)) == rows
        client.sendall(message(b"Q", b"SELECT pg_sleep(60)\0"))
        with socket.create_connection(("127.0.0.1", port), LIMIT) as other:
            other.sendall(message(b"", struct.pack("!III", CANCEL_REQUEST, 7, 42)))
            assert other.recv(1) == b""
        told = message(b"E", b"SERROR\0C57014\0\0") + READY
        assert answers.read(len(told)) == told
        client.sendall(message(b"X"))
        assert answers.read() == b""
        answers.close()
        client.close()
        assert [answer.status for answer in asked][-1] is Status.OK
