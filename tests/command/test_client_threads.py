"""The command library as any script uses it: from many threads, without gevent, with a master that is played."""

from collections.abc import Iterator
import json
from pathlib import Path
import socket
import subprocess
import sys
import threading
from typing import Any

import pytest

from sozu.command import Client, ConnectionLost, RequestRefused
from sozu.command.orders import AddCluster

ROOT = Path(__file__).parents[2]


class Echo:
    """A master that answers with the request's fields, out of order: of each two requests the second one first."""

    def __init__(self, path: Path) -> None:
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(path))
        self.listening.listen()
        self.heard: list[str] = []
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self) -> None:
        connection, _ = self.listening.accept()
        with connection:
            held, waiting = b"", list[bytes]()
            while data := connection.recv(65536):
                *frames, held = (held + data).split(b"\0")
                for frame in frames:
                    waiting.append(self.answer(json.loads(frame)))
                if len(waiting) > 1 or not frames:
                    connection.sendall(b"".join(reversed(waiting)))
                    waiting = []
                elif waiting:
                    connection.sendall(waiting.pop())

    def answer(self, request: dict[str, Any]) -> bytes:
        self.heard.append(request["type"])
        status = "ERROR" if request.get("cluster") == "bad" else "OK"
        return json.dumps({"id": request["id"], "status": status, "message": request.get("cluster", "")}).encode() + b"\0"

    def close(self) -> None:
        self.listening.close()
        self.thread.join()


@pytest.fixture
def echo(tmp_path: Path) -> Iterator[Echo]:
    echo = Echo(tmp_path / "m.sock")
    yield echo
    echo.close()


@pytest.fixture
def client(echo: Echo, tmp_path: Path) -> Iterator[Client]:
    assert echo.heard == []
    with Client(tmp_path / "m.sock", timeout=20) as client:
        yield client


def test_each_thread_gets_its_own_answers(client: Client) -> None:
    wrong: list[tuple[str, str]] = []

    def ask(thread: int) -> None:
        for number in range(50):
            name = f"{thread}-{number}"
            told = client.order({"type": "add_cluster", "cluster": name}).message
            if told != name:
                wrong.append((name, told))

    threads = [threading.Thread(target=ask, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_orders_of_other_threads_wait_until_a_transaction_is_over(client: Client, echo: Echo) -> None:
    other = threading.Thread(target=lambda: client.order(AddCluster(cluster="other")))
    with client.transaction() as transaction:
        other.start()
        transaction.order(AddCluster(cluster="mine"))
    other.join()

    assert echo.heard == ["begin", "collect", "commit", "add_cluster"]


def test_an_order_that_is_given_as_a_mapping_waits_as_well(client: Client, echo: Echo) -> None:
    other = threading.Thread(target=lambda: client.order({"type": "add_cluster", "cluster": "other"}))
    third = threading.Thread(target=lambda: client.stream([{"type": "add_cluster", "cluster": "third"}]))
    with client.transaction() as transaction:
        other.start()
        third.start()
        other.join(0.2)
        transaction.order(AddCluster(cluster="mine"))
    other.join()
    third.join()

    assert echo.heard == ["begin", "collect", "commit", "add_cluster", "add_cluster"]


def test_a_question_does_not_wait_for_a_transaction(client: Client, echo: Echo) -> None:
    with client.transaction():
        other = threading.Thread(target=lambda: client.order({"type": "status"}))
        other.start()
        other.join()

    assert echo.heard == ["begin", "status", "commit"]


def test_a_block_that_fails_abandons_its_transaction(client: Client, echo: Echo) -> None:
    def fail() -> None:
        with client.transaction() as transaction:
            transaction.order(AddCluster(cluster="mine"))
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    assert echo.heard == ["begin", "collect", "abort"]


def test_a_stream_of_requests_ends_at_the_first_refusal_and_what_still_comes_is_passed_over(client: Client) -> None:
    names = [*map(str, range(30)), "bad", *map(str, range(30))]
    with pytest.raises(RequestRefused):
        client.stream({"type": "add_cluster", "cluster": name} for name in names)

    assert client.order({"type": "add_cluster", "cluster": "next"}).message == "next"


def test_who_waits_learns_that_the_connection_was_closed(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "silent.sock"))
        silent.listen()
        client = Client(tmp_path / "silent.sock", timeout=20)
        connection, _ = silent.accept()
        connection.close()
        with pytest.raises(ConnectionLost):
            client.status()
        with pytest.raises(ConnectionLost):
            client.status()
        client.close()


def test_importing_it_pulls_in_neither_gevent_nor_the_proxy() -> None:
    code = "import sys; from sozu.command import Client; import sozu.command.orders; print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout.split()

    assert [name for name in loaded if name.startswith(("gevent", "greenlet", "sozu.proxy", "sozu.master", "sozu.cli", "yaml", "cryptography"))] == []
