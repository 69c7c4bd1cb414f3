"""The one answer loop that every tool uses: send a request, hear PROCESSING, end with OK or a refusal.

A plain blocking unix socket; scripts need nothing else of sozu:

    with Client(find_socket()) as client:
        client.order(AddCluster(cluster="blog"))
        client.transaction([AddBackend(cluster="blog", address="127.0.0.1:9001"), …])
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
import os
from pathlib import Path
import socket
from types import TracebackType
from typing import Any, Self

import msgspec

from sozu.command.answers import Answer
from sozu.command.answers import Status as AnswerStatus
from sozu.command.orders import AnyOrder, Order
from sozu.command.requests import Abort, Begin, Commit, Request, write_request
from sozu.parsers.command import FrameReader, frame
from sozu.parsers.reasons import Refusal

SOCKET_VARIABLE = "SOZU_SOCKET"
SOCKET_NAME = "sozu.sock"
_READ_SIZE = 65536


class NoMaster(Exception):
    """Nobody answers at any of the `paths` that were tried."""

    def __init__(self, paths: Iterable[Path], why: str = "") -> None:
        self.paths = tuple(paths)
        tried = ", ".join(map(str, self.paths))
        super().__init__(f"no master found at {tried}{f' ({why})' if why else ''}")


class ConnectionLost(Exception):
    """The master closed the connection, or spoke nonsense, before the final answer: whether it acted is not known."""


class RequestRefused(Exception):
    """The final answer was ERROR: the request was refused and has changed nothing."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.message)
        self.answer = answer


def find_socket(
    explicit: str | os.PathLike[str] | None = None, environment: Mapping[str, str] = os.environ
) -> Path:
    """The command socket of the running master: the explicit path, else $SOZU_SOCKET, else ./sozu.sock, else the user's runtime folder.

    A path that was named is the only one tried. Raises NoMaster if there is no socket.
    """
    candidates = socket_candidates(explicit, environment)
    for path in candidates:
        if path.is_socket():
            return path
    raise NoMaster(candidates)


def socket_candidates(explicit: str | os.PathLike[str] | None, environment: Mapping[str, str]) -> list[Path]:
    """Where `find_socket` looks, in this order."""
    named = explicit if explicit is not None else environment.get(SOCKET_VARIABLE)
    if named:
        return [Path(named)]
    runtime = environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    return [Path(SOCKET_NAME), Path(runtime, SOCKET_NAME)]


class Client:
    """A connection to the master. Requests go one after the other; `timeout` bounds the wait for each next answer, in seconds.

    Raises NoMaster if nobody listens at `path`; every later wait may raise TimeoutError, which says nothing about
    whether the master acted.
    """

    def __init__(self, path: str | os.PathLike[str], *, timeout: float | None = 30.0) -> None:
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sock.settimeout(timeout)
        self._reader = FrameReader()
        self._answers: deque[Answer] = deque()
        self._count = 0
        try:
            self._sock.connect(os.fspath(path))
        except OSError as error:
            self._sock.close()
            raise NoMaster([Path(path)], error.strerror or str(error)) from error

    def __enter__(self) -> Self:
        """The client itself, connected."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the connection; the master forgets a transaction that was begun and not committed."""
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()

    def wait_at_most(self, timeout: float | None) -> None:
        """Bound the wait for each further answer, in seconds: for who has a deadline for them all."""
        self._sock.settimeout(timeout)

    def ask(self, request: Order | Request | Mapping[str, Any]) -> Iterator[Answer]:
        """Send a request (or one as a mapping with `type` and fields) and yield its answers; the last one is OK.

        Raises RequestRefused if it is ERROR, ConnectionLost if none comes. Read the answers to the end before the next request, or give
        up by TimeoutError: what still comes of them then is passed over.
        """
        self._count += 1
        id = str(self._count)  # noqa: A001  the protocol's own word
        self._send(_payload(id, request))
        while True:
            answer = self._next()
            if self._is_late(answer):
                continue
            if answer.id != id:
                raise ConnectionLost(f"an answer to {answer.id!r} came instead of one to {id!r}: {answer.message}")
            if answer.status is AnswerStatus.ERROR:
                raise RequestRefused(answer)
            yield answer
            if answer.final:
                return

    def _is_late(self, answer: Answer) -> bool:
        """Does it answer an earlier request, whose asker has given up waiting?"""
        return answer.id.isdecimal() and int(answer.id) < self._count

    def order(self, order: Order | Request | Mapping[str, Any]) -> Answer:
        """Send one order or request and wait for its end; PROCESSING is not heard."""
        return deque(self.ask(order), maxlen=1)[0]

    def transaction(self, orders: Iterable[AnyOrder], *, if_revision: int | None = None) -> Answer:
        """Commit all of these orders or none. With `if_revision`, only if that revision is still in force."""
        self.order(Begin())
        try:
            for order in orders:
                self.order(order)
        except RequestRefused:
            # Or the next order on this connection would be collected too, and never take effect.
            self.order(Abort())
            raise
        return self.order(Commit(if_revision=if_revision))

    def _send(self, payload: bytes) -> None:
        try:
            self._sock.sendall(frame(payload))
        except (BrokenPipeError, ConnectionResetError) as error:
            # What the master said before it closed tells more than the broken pipe; it is still to be read.
            self._hear_last_words(error)

    def _hear_last_words(self, error: OSError) -> None:
        try:
            answer = self._next()
        except ConnectionLost:
            raise ConnectionLost("the master has closed the connection") from error
        raise RequestRefused(answer) from error

    def _next(self) -> Answer:
        while not self._answers:
            self._read()
        return self._answers.popleft()

    def _read(self) -> None:
        try:
            data = self._sock.recv(_READ_SIZE)
        except ConnectionResetError:
            data = b""
        if not data:
            raise ConnectionLost("the master closed the connection before its final answer")
        frames = self._reader.feed(data)
        if isinstance(frames, Refusal):
            raise ConnectionLost(f"the master sent something that is no frame ({frames.reason})")
        self._answers.extend(map(_answer, frames))


def _payload(id: str, request: Order | Request | Mapping[str, Any]) -> bytes:  # noqa: A002  the protocol's own word
    if isinstance(request, Mapping):
        return msgspec.json.encode({**request, "id": id})
    return write_request(id, request)


def _answer(payload: bytes) -> Answer:
    try:
        return msgspec.json.decode(payload, type=Answer)
    except msgspec.MsgspecError as error:
        raise ConnectionLost(f"the master sent something that is no answer: {error}") from error
