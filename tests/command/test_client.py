from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
import socket
import threading
from typing import Any

import msgspec
import pytest

from sozu.command.answers import Answer, Status
from sozu.command.client import Client, ConnectionLost, NoMaster, RequestRefused, find_socket, socket_candidates
from sozu.command.orders import AddCluster
from sozu.command.requests import DumpState
from sozu.command.requests import Status as AskStatus

Reply = bytes | None
Script = Callable[[dict[str, Any]], Sequence[Reply]]


def answer(request: dict[str, Any], status: str, message: str = "", data: object = None) -> bytes:
    return msgspec.json.encode({"id": request["id"], "status": status, "message": message, "data": data}) + b"\0"


class FakeMaster:
    """Accepts one client and answers each request by the script; None closes the connection. What it heard is in `heard`."""

    def __init__(self, path: Path, script: Script) -> None:
        self.heard: list[dict[str, Any]] = []
        self._script = script
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection, connection.makefile("rb") as stream:
            while request := self._next(stream.read):
                for reply in self._script(request):
                    if reply is None:
                        return
                    connection.sendall(reply)

    def _next(self, read: Callable[[int], bytes]) -> dict[str, Any] | None:
        payload = b""
        while (byte := read(1)) not in (b"", b"\0"):
            payload += byte
        if not payload:
            return None
        request: dict[str, Any] = msgspec.json.decode(payload)
        self.heard.append(request)
        return request

    def close(self) -> None:
        self._thread.join(10)
        self._listener.close()


@pytest.fixture
def master(tmp_path: Path) -> Iterator[Callable[[Script], FakeMaster]]:
    started: list[FakeMaster] = []

    def start(script: Script) -> FakeMaster:
        started.append(FakeMaster(tmp_path / "m.sock", script))
        return started[0]

    yield start
    for fake in started:
        fake.close()


def test_answers_come_in_order_and_end_with_ok(master: Callable[[Script], FakeMaster], tmp_path: Path) -> None:
    master(lambda request: [answer(request, "PROCESSING", data=n) for n in (1, 2)] + [answer(request, "OK", "done")])
    with Client(tmp_path / "m.sock", timeout=10) as client:
        answers = list(client.ask(DumpState()))

    assert [(given.status, given.data, given.final) for given in answers] == [
        (Status.PROCESSING, 1, False),
        (Status.PROCESSING, 2, False),
        (Status.OK, None, True),
    ]


def test_answers_may_come_in_one_piece_or_in_many(master: Callable[[Script], FakeMaster], tmp_path: Path) -> None:
    def script(request: dict[str, Any]) -> list[Reply]:
        whole = answer(request, "PROCESSING") + answer(request, "OK", "done")
        return [whole] if request["type"] == "status" else [whole[n : n + 1] for n in range(len(whole))]

    master(script)
    with Client(tmp_path / "m.sock", timeout=10) as client:
        assert client.order(AskStatus()).message == "done"
        assert client.order({"type": "list_workers"}).message == "done"


def test_a_refusal_is_raised_with_its_answer(master: Callable[[Script], FakeMaster], tmp_path: Path) -> None:
    master(lambda request: [answer(request, "ERROR", "no such cluster")])
    with Client(tmp_path / "m.sock", timeout=10) as client, pytest.raises(RequestRefused, match="no such") as refused:
        client.order(AddCluster(cluster="a"))

    assert refused.value.answer == Answer(id="1", status=Status.ERROR, message="no such cluster")


def test_a_transaction_is_begun_filled_and_committed(master: Callable[[Script], FakeMaster], tmp_path: Path) -> None:
    fake = master(lambda request: [answer(request, "OK", request["type"])])
    with Client(tmp_path / "m.sock", timeout=10) as client:
        client.wait_at_most(5)
        done = client.commit([AddCluster(cluster="a"), AddCluster(cluster="b")], if_revision=3)

    assert done.message == "commit"
    assert fake.heard == [
        {"id": "1", "type": "begin"},
        {"id": "2", "type": "collect", "orders": [{"type": "add_cluster", "cluster": name} for name in "ab"]},
        {"id": "3", "type": "commit", "if_revision": 3},
    ]


def test_a_transaction_with_a_refused_order_is_abandoned(master: Callable[[Script], FakeMaster], tmp_path: Path) -> None:
    fake = master(lambda request: [answer(request, "ERROR" if request["type"] == "collect" else "OK")])
    with Client(tmp_path / "m.sock", timeout=10) as client, pytest.raises(RequestRefused):
        client.commit([AddCluster(cluster="a"), AddCluster(cluster="b")])

    assert [request["type"] for request in fake.heard] == ["begin", "collect", "abort"]


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one(
    master: Callable[[Script], FakeMaster], tmp_path: Path
) -> None:
    late = b'{"id":"1","status":"OK","message":"late"}\0'
    master(lambda request: [] if request["id"] == "1" else [late, answer(request, "OK", "the next one")])
    with Client(tmp_path / "m.sock", timeout=0.05) as client:
        with pytest.raises(TimeoutError):
            client.order(AskStatus())
        client.wait_at_most(10)
        assert client.order(AskStatus()).message == "the next one"


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ([None], "closed the connection before its final answer"),
        ([b'{"id":"1","sta', None], "closed the connection"),
        ([b"hello\0"], "no answer"),
        ([b'{"id":"9","status":"OK"}\0'], "an answer to '9' came, which was never asked"),
        ([b"x" * (2 * 1024 * 1024 + 1), None], "no frame"),
    ],
)
def test_a_master_that_goes_or_talks_nonsense_is_a_lost_connection(
    master: Callable[[Script], FakeMaster], tmp_path: Path, reply: list[Reply], why: str
) -> None:
    master(lambda _: reply)
    with Client(tmp_path / "m.sock", timeout=10) as client, pytest.raises(ConnectionLost, match=why):
        client.order(AskStatus())


class ClosedSocket(socket.socket):
    """The master has closed while the request was on its way; `last_words` are what it had written before."""

    last_words = b""
    reset = False

    def connect(self, _: object) -> None:
        pass

    def sendall(self, *_: object) -> None:
        raise BrokenPipeError

    def recv(self, *_: object) -> bytes:
        if self.reset:
            raise ConnectionResetError
        words, self.last_words = self.last_words, b""
        return words


@pytest.mark.parametrize(
    ("words", "reset", "error", "why"),
    [
        (b'{"id":"","status":"ERROR","message":"too long"}\0', False, RequestRefused, "too long"),
        (b"", False, ConnectionLost, "the master has closed the connection"),
        (b"", True, ConnectionLost, "the master has closed the connection"),
    ],
)
def test_the_last_words_of_a_master_that_closed_are_heard(
    monkeypatch: pytest.MonkeyPatch, words: bytes, reset: bool, error: type[Exception], why: str  # noqa: FBT001
) -> None:
    monkeypatch.setattr(ClosedSocket, "last_words", words)
    monkeypatch.setattr(ClosedSocket, "reset", reset)
    monkeypatch.setattr(socket, "socket", ClosedSocket)
    with Client("unused") as client, pytest.raises(error, match=why):
        client.order(AskStatus())


def test_a_silent_master_is_a_timeout(master: Callable[[Script], FakeMaster], tmp_path: Path) -> None:
    master(lambda _: [])
    with Client(tmp_path / "m.sock", timeout=0.01) as client, pytest.raises(TimeoutError):
        client.order(AskStatus())


def test_without_a_master_the_path_and_the_reason_are_named(tmp_path: Path) -> None:
    with pytest.raises(NoMaster, match=r"gone\.sock \(No such file or directory\)") as missing:
        Client(tmp_path / "gone.sock")

    assert missing.value.paths == (tmp_path / "gone.sock",)


def test_a_path_that_is_too_long_for_a_socket_is_no_master() -> None:
    with pytest.raises(NoMaster, match="too long"):
        Client("/" + "x" * 200)


@pytest.mark.parametrize(
    ("explicit", "environment", "paths"),
    [
        ("/x", {"SOZU_SOCKET": "/y"}, ["/x"]),
        (None, {"SOZU_SOCKET": "/y", "XDG_RUNTIME_DIR": "/r"}, ["/y"]),
        (None, {"SOZU_SOCKET": "", "XDG_RUNTIME_DIR": "/r"}, ["sozu.sock", "/r/sozu.sock"]),
    ],
)
def test_what_was_named_is_the_only_place_to_look(explicit: str | None, environment: dict[str, str], paths: list[str]) -> None:
    assert [str(path) for path in socket_candidates(explicit, environment)] == paths


def test_the_runtime_folder_is_the_users_if_none_is_set() -> None:
    assert str(socket_candidates(None, {})[1]).startswith("/run/user/")


def test_the_first_path_that_is_a_socket_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sozu.sock").touch()
    with pytest.raises(NoMaster, match=r"sozu\.sock, .*/sozu\.sock") as missing:
        find_socket(None, {"XDG_RUNTIME_DIR": str(tmp_path / "run")})
    assert len(missing.value.paths) == 2
    (tmp_path / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "run" / "sozu.sock"))
        assert find_socket(None, {"XDG_RUNTIME_DIR": str(tmp_path / "run")}) == tmp_path / "run" / "sozu.sock"
