"""A connection that ends at our own side, or in the middle of a request: whoever waits learns it, and nothing more is sent over it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
import socket
import threading

import pytest

from sozu.command import Client, ConnectionLost, RequestRefused
from sozu.command.client.connection import Connection
from sozu.command.orders import AddCluster

PATIENCE = 20.0


@contextmanager
def silent(folder: Path) -> Iterator[tuple[Path, Callable[[], socket.socket]]]:
    """A master that listens, and says what the test has it say."""
    path = folder / "silent.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        yield path, lambda: listening.accept()[0]


class Waiting(threading.Thread):
    """Somebody who waits for ever; how it ended is in `end`."""

    def __init__(self, wait: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self.wait, self.end = wait, list[Exception]()
        self.start()

    def run(self) -> None:
        try:
            self.wait()
        except Exception as error:  # noqa: BLE001  whatever it is, the test looks at it
            self.end.append(error)

    def ended_with(self) -> Exception | None:
        self.join(PATIENCE)
        return self.end[0] if self.end else None


def test_who_waits_for_ever_learns_that_another_thread_has_closed(tmp_path: Path) -> None:
    with silent(tmp_path) as (path, accept):
        client = Client(path, timeout=None)
        with accept() as master:
            waiting = [Waiting(client.status) for _ in range(3)]
            while master.recv(4096).count(b"\0") < 1:
                continue
            client.close()
            ends = [each.ended_with() for each in waiting]
        client.close()

    assert [type(end) for end in ends] == [ConnectionLost] * 3
    with pytest.raises(ConnectionLost, match="closed here"):
        client.order(AddCluster(cluster="a"))


def test_half_a_request_is_the_last_one(tmp_path: Path) -> None:
    with silent(tmp_path) as (path, accept):
        client = Client(path, timeout=0.2)
        with accept() as master:
            with pytest.raises(TimeoutError):
                client.order({"type": "status", "much": "x" * (1 << 21)})
            with pytest.raises(ConnectionLost, match="a request was sent in part"):
                client.status()
            # The master sees an end, and forgets a transaction that was begun; it does not wait for the rest.
            heard = b""
            while data := master.recv(1 << 20):
                heard += data
        client.close()

    assert b"\0" not in heard


def test_who_waits_for_ever_learns_of_half_a_request_as_well(tmp_path: Path) -> None:
    with silent(tmp_path) as (path, accept):
        client = Client(path, timeout=0.2)
        with accept() as master:
            client.wait_at_most(None)
            waiting = Waiting(client.status)
            while b"\0" not in master.recv(4096):
                continue
            with pytest.raises(TimeoutError):
                client.order({"type": "status", "much": "x" * (1 << 21)})
            assert isinstance(waiting.ended_with(), ConnectionLost)
        client.close()


def test_last_words_are_not_read_beside_whoever_reads_already(tmp_path: Path) -> None:
    with silent(tmp_path) as (path, accept):
        connection = Connection(path, PATIENCE)
        master = accept()
        number = connection.post(b'{"type":"status"}')
        waiting = Waiting(lambda: connection.next_answer(number, None))
        while b"\0" not in master.recv(4096):
            continue
        master.sendall(b'{"id":"","status":"ERROR","message":"too')
        # Its other half comes only with the end: two who read would each have a half.
        poster = Waiting(lambda: [connection.post(b'{"type":"status"}') for _ in range(100_000)])
        master.shutdown(socket.SHUT_RD)
        master.sendall(b' many tools"}\0')
        master.close()
        ends = [each.ended_with() for each in (waiting, poster)]
        connection.close()

    assert [str(end) for end in ends] == ["too many tools"] * 2
    assert {type(end) for end in ends} == {RequestRefused}
