"""An origin that misbehaves, over TCP: each fault is a function that plays one connection, beginning where a client has connected.

`origin(fault)` listens, and plays the fault on every connection; `refusing()` and `black_hole()` are addresses where no connection ever stands.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import socket
import struct
from typing import Any

from gevent.event import Event
from gevent.server import StreamServer
from gevent.socket import socket as cooperative

PATIENCE = 60.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ENDLESS = 64 << 20  # bytes: a proxy that swallowed as many has no bound


class Connection:
    """One connection, as the origin sees it."""

    def __init__(self, sock: Any, number: int) -> None:
        self.number = number
        self._sock = sock
        self._received = b""
        sock.settimeout(PATIENCE)

    def head(self) -> bytes:
        """The next request's head; nothing if the connection ended."""
        while b"\r\n\r\n" not in self._received:
            piece = self._sock.recv(65536)
            if not piece:
                return b""
            self._received += piece
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        return bytes(head)

    def skip_to(self, end: bytes) -> None:
        """Read until this has come, and forget all up to there: what is left of a body would be taken for the next request."""
        while end not in self._received:
            piece = self._sock.recv(65536)
            if not piece:
                raise ConnectionAbortedError
            self._received += piece
        self._received = self._received.partition(end)[2]

    def send(self, data: bytes) -> None:
        self._sock.sendall(data)

    def send_for_ever(self, piece: bytes) -> None:
        """Until the proxy ends it."""
        for _ in range(ENDLESS // len(piece)):
            self.send(piece)

    def wait_for_the_end(self) -> None:
        """Until the proxy closes, whatever it sends before."""
        while self._sock.recv(65536):
            pass

    def is_silent(self, seconds: float) -> bool:
        """Has nothing come for so long?"""
        self._sock.settimeout(seconds)
        try:
            self._received += self._sock.recv(65536)
        except TimeoutError:
            return True
        finally:
            self._sock.settimeout(PATIENCE)
        return False

    def half_close(self) -> None:
        self._sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()


Fault = Callable[[Connection], None]


def sound(connection: Connection) -> None:
    """No fault: every request is answered."""
    while connection.head():
        connection.send(OK)


def hang(connection: Connection) -> None:
    connection.head()
    connection.wait_for_the_end()


def garbage(connection: Connection) -> None:
    connection.head()
    connection.send(b"\x16\x03\x01\x02\x00 this is no HTTP\r\n\r\n")


def close_without_a_word(connection: Connection) -> None:
    connection.head()


def half_close_without_a_word(connection: Connection) -> None:
    connection.head()
    connection.half_close()
    connection.wait_for_the_end()


def half_close_after_the_answer(connection: Connection) -> None:
    connection.head()
    connection.send(OK)
    connection.half_close()
    connection.wait_for_the_end()


def flap(connection: Connection) -> None:
    """Answer once and promise to stay, then close at the next request without a word."""
    connection.head()
    connection.send(OK)
    connection.head()


def early_answer(connection: Connection) -> None:
    """Answer before the body has come, and close at once."""
    connection.head()
    connection.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
    connection.half_close()
    connection.wait_for_the_end()


def endless_head(connection: Connection) -> None:
    connection.head()
    connection.send(b"HTTP/1.1 200 OK\r\n")
    connection.send_for_ever(b"X-More: and more\r\n" * 64)


def endless_field(connection: Connection) -> None:
    connection.head()
    connection.send(b"HTTP/1.1 200 OK\r\nX-More: ")
    connection.send_for_ever(b"m" * 4096)


def storm_of_interims(connection: Connection) -> None:
    connection.head()
    connection.send_for_ever(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")


def endless_chunk_extension(connection: Connection) -> None:
    connection.head()
    connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=")
    connection.send_for_ever(b"y" * 4096)


def endless_chunk_extensions(connection: Connection) -> None:
    """Every line is short enough; all of them together are an attack."""
    connection.head()
    connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    connection.send_for_ever(b"1;x=%b\r\nz\r\n" % (b"y" * 500))


def endless_trailers(connection: Connection) -> None:
    connection.head()
    connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nz\r\n0\r\n")
    connection.send_for_ever(b"X-More: and more\r\n" * 64)


class ResetAfter:
    """Send the beginning of an answer; reset when `now` is called."""

    def __init__(self, beginning: bytes) -> None:
        self._beginning = beginning
        self._told = Event()
        self.now = self._told.set

    def __call__(self, connection: Connection) -> None:
        connection.head()
        connection.send(self._beginning)
        self._told.wait(PATIENCE)
        connection.reset()


@contextmanager
def origin(fault: Fault, family: int = socket.AF_INET, host: Any = ("127.0.0.1", 0)) -> Iterator[str]:
    """The address, in the configuration's spelling, of a server that plays this fault."""

    def play(sock: Any, _: Any) -> None:
        numbers[0] += 1
        try:
            fault(Connection(sock, numbers[0]))
        except OSError:
            broken.append(sock)  # the proxy has had enough, as it should
        finally:
            sock.close()

    numbers, broken = [0], list[Any]()
    listener = socket.socket(family)
    listener.bind(host)
    listener.listen(128)
    listener.setblocking(False)
    server = StreamServer(cooperative(family, listener.type, fileno=listener.detach()), play)
    server.start()
    try:
        yield spelled(family, server.socket.getsockname())
    finally:
        server.stop(PATIENCE)


def spelled(family: int, name: Any) -> str:
    if family == socket.AF_UNIX:
        return f"unix:{name}"
    return f"[{name[0]}]:{name[1]}" if family == socket.AF_INET6 else f"{name[0]}:{name[1]}"


@contextmanager
def refusing() -> Iterator[str]:
    """An address that is taken, so that nobody else gets it, and where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield spelled(socket.AF_INET, taken.getsockname())


@contextmanager
def black_hole() -> Iterator[str]:
    """An address whose backlog is full: the kernel drops what asks for a connection, as a firewall would."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield spelled(socket.AF_INET, listener.getsockname())
        for sock in waiting:
            sock.close()
