from collections.abc import Iterator
import http.server
import json
import os
from pathlib import Path
import signal
import socket
import subprocess
import sys
import threading

import pytest

from sozu.command.answers import Status
from sozu.command.channel import ChannelClosed
from sozu.command.facts import Frontend, Protocol
from sozu.command.orders import (
    AddBackend,
    AddCluster,
    AddHttpFrontend,
    AddListener,
    AnyOrder,
    RemoveBackend,
    RemoveCluster,
    RemoveHttpFrontend,
    RemoveListener,
)
from sozu.command.settings import AccessLog
from sozu.command.worker_protocol import (
    AskMetrics,
    AskStatus,
    Drain,
    GiveListeners,
    ListenerName,
    Publish,
    Ready,
    Reply,
    TakeLog,
    WatchBackend,
    WatchFrontend,
    WatchListener,
)
from tests.procfs import descriptors
from tests.proxy.worker.scripted_master import (
    ScriptedMaster,
    command_line,
    read_answer,
    read_until,
    settings,
)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # of 20 clients at once, 15 would wait a second for their next SYN

    def handle_error(self, *_: object) -> None:
        """Be quiet when a worker cuts a connection."""


class Origin:
    """A backend that answers with the path, and one that is told when to answer: `/wait` ends with `release`."""

    def __init__(self) -> None:
        self.entered, self.release = threading.Semaphore(0), threading.Semaphore(0)
        origin = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path == "/wait":
                    origin.entered.release()
                    origin.release.acquire(timeout=20)
                body = self.path.encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Be quiet."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    origin = Origin()
    yield origin
    origin.close()


@pytest.fixture
def master() -> Iterator[ScriptedMaster]:
    with ScriptedMaster() as master:
        yield master


def site(address: str) -> list[AnyOrder]:
    return [
        AddCluster(cluster="web"),
        AddHttpFrontend(cluster="web", hostname="web.example.com"),
        AddBackend(cluster="web", address=address),
    ]


def waiting_client(master: ScriptedMaster, origin: Origin, host: str = "web.example.com") -> socket.socket:
    """A client whose exchange is running."""
    client = master.connect()
    client.sendall(f"GET /wait HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert origin.entered.acquire(timeout=20)
    return client


def test_a_worker_is_ready_at_the_revision_it_was_given_and_serves(
    master: ScriptedMaster, origin: Origin, tmp_path: Path
) -> None:
    ready = master.bring_up(settings(tmp_path), *site(origin.address))
    assert ready == Ready(revision=1)
    assert master.get("web.example.com", "/x") == (200, b"/x")
    assert master.get("other.example.com")[0] == 404
    assert command_line(master.process.pid) == "sozu: worker of slot 3"


def test_a_transaction_is_followed_and_answered_with_its_revision(
    master: ScriptedMaster, origin: Origin, tmp_path: Path
) -> None:
    master.bring_up(settings(tmp_path))
    first, *others = site(origin.address)
    master.say(Publish(id=5, revision=2, orders=(first,), last=False))
    assert master.ask(Publish(id=5, revision=2, orders=tuple(others))) == Reply(id=5, status=Status.OK, revision=2)
    assert master.get("web.example.com", "/y") == (200, b"/y")


def test_a_transaction_that_cannot_be_followed_is_an_error_and_changes_nothing(
    master: ScriptedMaster, origin: Origin, tmp_path: Path
) -> None:
    master.bring_up(settings(tmp_path), *site(origin.address))
    reply = master.publish(2, RemoveCluster(cluster="web"), RemoveCluster(cluster="nobody"))
    assert (reply.status, reply.revision) == (Status.ERROR, 1)
    assert "nobody" in reply.message
    assert master.get("web.example.com", "/z") == (200, b"/z")


def test_a_listener_comes_and_goes(master: ScriptedMaster, tmp_path: Path) -> None:
    master.bring_up(settings(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as second:
        address = f"127.0.0.1:{second.getsockname()[1]}"
        master.say(GiveListeners(listeners=(ListenerName(Protocol.HTTP, address),)), [second.fileno()])
        assert master.publish(2, AddListener(protocol=Protocol.HTTP, address=address)).status is Status.OK
        with socket.create_connection(second.getsockname(), 20) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert read_answer(client)[0] == 404
        assert master.publish(3, RemoveListener(protocol=Protocol.HTTP, address=address)).status is Status.OK
        with socket.create_connection(second.getsockname(), 20):
            second.settimeout(20)
            second.accept()[0].close()  # the connection was left to whoever shares the socket


def test_a_removed_backend_is_reported_when_its_last_exchange_has_ended(
    master: ScriptedMaster, origin: Origin, tmp_path: Path
) -> None:
    master.bring_up(settings(tmp_path), *site(origin.address))
    watch = WatchBackend(id=9, cluster="web", address=origin.address)
    with waiting_client(master, origin) as client:
        assert master.ask(watch).status is Status.ERROR
        assert master.publish(2, RemoveBackend(cluster="web", address=origin.address)).status is Status.OK
        news = master.ask(watch)
        assert (news.status, news.data) == (Status.PROCESSING, {"exchanges": 1})
        origin.release.release()
        last = master.hear(Reply)
        assert (last.id, last.status, last.data) == (9, Status.OK, {"exchanges": 0})
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_status_and_metrics_count_what_happened(master: ScriptedMaster, origin: Origin, tmp_path: Path) -> None:
    master.bring_up(settings(tmp_path), *site(origin.address))
    master.get("web.example.com")
    master.get("nobody.example.com")
    with waiting_client(master, origin):
        status = master.ask(AskStatus(id=1)).data
        origin.release.release()
    assert (status["connections"], status["exchanges"], status["accepting"]) == (1, 1, True)
    figures = master.ask(AskMetrics(id=2)).data
    assert figures["connections_accepted"] == 3
    assert figures["statuses"]["404"] == 1
    assert sum(figures["latency"]["counts"]) == sum(figures["statuses"].values())
    assert figures["bytes_out"] > 0


def test_the_log_goes_where_the_master_says(master: ScriptedMaster, origin: Origin, tmp_path: Path) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    old, new = (os.open(tmp_path / name, flags) for name in ("old", "new"))
    logged = settings(tmp_path, access_log=AccessLog(path="-"))
    master.bring_up(logged, *site(origin.address), log=[old])
    master.get("web.example.com", "/before")
    assert master.ask(TakeLog(id=1), [new]).status is Status.OK
    master.get("web.example.com", "/after")
    master.ask(Drain(id=2, grace=5))
    assert master.end() == 0
    for name, path in (("old", "/before"), ("new", "/after")):
        line = json.loads((tmp_path / name).read_text())
        assert (line["path"], line["status"], line["cluster"], line["host"]) == (path, 200, "web", "web.example.com")
    os.close(old)
    os.close(new)


def test_a_drained_worker_ends_its_exchanges_and_then_itself(
    master: ScriptedMaster, origin: Origin, tmp_path: Path
) -> None:
    master.bring_up(settings(tmp_path), *site(origin.address))
    with waiting_client(master, origin) as busy, master.connect() as idle:
        idle.sendall(b"GET /idle HTTP/1.1\r\nHost: web.example.com\r\n\r\n")
        read_until(idle, b"/idle")
        master.say(Drain(id=4, grace=20))
        assert idle.recv(4096) == b""
        assert master.ask(AskStatus(id=5)).data["accepting"] is False
        origin.release.release()
        assert read_answer(busy) == (200, b"/wait")
    assert master.hear(Reply) == Reply(id=4, status=Status.OK, revision=1, data={"cut": 0})
    assert master.end() == 0


def test_after_the_grace_the_rest_is_cut(master: ScriptedMaster, origin: Origin, tmp_path: Path) -> None:
    master.bring_up(settings(tmp_path), *site(origin.address))
    with waiting_client(master, origin):
        assert master.ask(Drain(id=4, grace=0.05)).data == {"cut": 1}
        assert master.end() == 0
    origin.release.release()


def test_when_the_channel_ends_the_worker_goes_on_serving_until_it_is_asked_to_end(
    master: ScriptedMaster, origin: Origin, tmp_path: Path
) -> None:
    master.bring_up(settings(tmp_path), *site(origin.address))
    master.socket.shutdown(socket.SHUT_RDWR)
    assert master.get("web.example.com", "/alone") == (200, b"/alone")
    master.process.send_signal(signal.SIGINT)
    master.process.send_signal(signal.SIGHUP)
    assert master.get("web.example.com", "/still") == (200, b"/still")
    master.process.send_signal(signal.SIGTERM)
    assert master.end() == 0


def test_a_master_that_makes_no_sense_learns_that_nobody_listens(
    master: ScriptedMaster, origin: Origin, tmp_path: Path
) -> None:
    master.bring_up(settings(tmp_path), *site(origin.address))
    master.socket.sendall(b"no message\0")
    with pytest.raises(ChannelClosed):
        master.hear(Reply)
    assert master.get("web.example.com", "/still") == (200, b"/still")


def test_a_worker_that_is_left_with_nothing_to_do_ends_without_a_fuss(master: ScriptedMaster, tmp_path: Path) -> None:
    master.bring_up(settings(tmp_path))
    master.publish(2, RemoveListener(protocol=Protocol.HTTP, address=master.address))
    master.socket.shutdown(socket.SHUT_RDWR)
    assert master.end() == 0
    assert master.process.stderr is not None
    assert b"Traceback" not in master.process.stderr.read()


def test_a_channel_that_ends_before_there_is_anything_to_serve_ends_the_worker(master: ScriptedMaster) -> None:
    master.socket.shutdown(socket.SHUT_RDWR)
    assert master.end() == 1


def test_a_state_that_makes_no_sense_ends_the_worker(master: ScriptedMaster, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="closed"):
        master.bring_up(settings(tmp_path), RemoveCluster(cluster="nobody"))
    assert master.end() == 1


def test_descriptors_and_connections_return_to_where_they_were(
    master: ScriptedMaster, origin: Origin, tmp_path: Path
) -> None:
    master.bring_up(settings(tmp_path), *site(origin.address))
    master.get("web.example.com")
    master.publish(2, RemoveCluster(cluster="web"))
    before = descriptors(master.process.pid)
    for revision in range(3, 9):
        master.publish(revision, *(site(origin.address) if revision % 2 else [RemoveCluster(cluster="web")]))
        clients = [master.connect() for _ in range(20)]
        for client in clients:
            client.sendall(b"GET / HTTP/1.1\r\nHost: web.example.com\r\nConnection: close\r\n\r\n")
        assert {read_answer(client)[0] for client in clients} == {200 if revision % 2 else 404}
        for client in clients:
            client.close()
    assert master.ask(AskStatus(id=1)).data["connections"] == 0
    assert descriptors(master.process.pid) == before


def test_a_worker_that_somebody_starts_by_hand_says_that_it_needs_a_channel() -> None:
    command = [sys.executable, "-m", "sozu", "worker", "--channel", "1"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)

    assert ended.returncode == 2
    assert ended.stderr.endswith("descriptor 1 is no channel: Socket operation on non-socket\n")


def test_a_worker_imports_no_more_than_it_needs() -> None:
    program = "import sozu.proxy.worker, sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout.split()
    assert "gevent" in loaded
    assert {"click", "rich", "yaml", "prometheus_client", "asyncio", "subprocess"} & set(loaded) == set()


def test_a_removed_frontend_is_watched_until_the_exchange_that_came_through_it_has_ended(
    master: ScriptedMaster, origin: Origin, tmp_path: Path
) -> None:
    other = AddHttpFrontend(cluster="web", hostname="other.example.com")
    master.bring_up(settings(tmp_path), *site(origin.address), other)
    key = Frontend(cluster="web", hostname="web.example.com", path="/").key
    assert master.ask(WatchFrontend(id=7, frontend=key)).status is Status.ERROR
    with waiting_client(master, origin), waiting_client(master, origin, host="other.example.com"):
        master.publish(2, RemoveHttpFrontend(cluster="web", hostname="web.example.com"))
        assert master.ask(WatchFrontend(id=8, frontend=key)).data == {"sessions": 1}
        origin.release.release(2)
        assert master.hear(Reply) == Reply(id=8, status=Status.OK, revision=2, data={"sessions": 0})


def test_a_removed_listener_is_watched_until_its_last_session(master: ScriptedMaster, origin: Origin, tmp_path: Path) -> None:
    master.bring_up(settings(tmp_path), *site(origin.address))
    with waiting_client(master, origin) as client:
        master.publish(2, RemoveListener(protocol=Protocol.HTTP, address=master.address))
        assert master.ask(WatchListener(id=8, address=master.address)).data == {"sessions": 1}
        origin.release.release()
        assert b"Connection: close" in client.recv(65536)
        assert master.hear(Reply).status is Status.OK


def test_a_long_transaction_does_not_keep_it_from_saying_that_it_lives(tmp_path: Path) -> None:
    with ScriptedMaster() as master:
        master.bring_up(settings(tmp_path))
        many = tuple(AddCluster(cluster=f"c{number}") for number in range(10_000))
        master.say(Publish(id=2, revision=2, orders=many))
        alive, done = master.ask(AskStatus(id=3)), master.hear(Reply)

    assert (alive.id, alive.revision) == (3, 1)
    assert (done.id, done.revision) == (2, 2)
