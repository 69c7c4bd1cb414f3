"""The Prometheus endpoint: GET /metrics on an address of its own, one small answer per connection.

It is served by the master, so that one page speaks for all workers, and a worker that is stuck shows by its absence.
"""

from collections.abc import Callable
import logging

import gevent
from gevent import socket
from gevent.pool import Pool

from sozu.command.addresses import parse_address
from sozu.master.sockets import CannotListen
from sozu.master.tools.door import accept_each

log = logging.getLogger("sozu.master")

READERS_AT_ONCE = 16
PATIENCE = 5.0  # seconds for one connection from its first byte to its last
LONGEST_HEAD = 8192
BACKLOG = 16
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class MetricsPage:
    """The open endpoint, on `address` (port 0 is resolved); `page` makes its content."""

    def __init__(self, address: str, page: Callable[[], bytes]) -> None:
        """Listen on the address. Raises CannotListen."""
        self._page = page
        self._listening = _listen(address)
        self.address = str(parse_address(address).with_port(self._listening.getsockname()[1]))
        self._readers = Pool(READERS_AT_ONCE)
        self._acceptor = gevent.spawn(accept_each, self._listening, lambda sock: self._readers.spawn(self._serve, sock))

    def close(self) -> None:
        """Serve no more."""
        self._acceptor.kill()
        self._listening.close()
        self._readers.kill()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                with gevent.Timeout(PATIENCE, TimeoutError("too slow")):
                    connection.sendall(self._answer(_request_line(connection)))
                    connection.shutdown(socket.SHUT_WR)
            except OSError as error:
                log.debug("event=metrics_reader_lost reason=%r", str(error))

    def _answer(self, request_line: list[bytes]) -> bytes:
        match request_line:
            case [b"GET", b"/metrics", _]:
                return _response("200 OK", CONTENT_TYPE, self._page())
            case [_, b"/metrics", _]:
                return _response("405 Method Not Allowed", "text/plain", b"GET /metrics\n", "Allow: GET\r\n")
            case [_, _, _]:
                return _response("404 Not Found", "text/plain", b"The figures are at /metrics\n")
            case _:
                return _response("400 Bad Request", "text/plain", b"GET /metrics HTTP/1.1\n")


def _request_line(connection: socket.socket) -> list[bytes]:
    # The head is read to its end, since closing with unread bytes would reset the connection; nothing else in it matters.
    head = b""
    while b"\r\n\r\n" not in head and len(head) < LONGEST_HEAD and (data := connection.recv(LONGEST_HEAD)):
        head += data
    return head.partition(b"\r\n")[0].split(b" ")


def _response(status: str, content_type: str, body: bytes, fields: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{fields}Connection: close\r\n\r\n"
    return head.encode("ascii") + body


def _listen(text: str) -> socket.socket:
    address = parse_address(text)
    listening = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address.sockaddr)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise CannotListen(f"cannot serve metrics on {address}: {error.strerror or error}") from error
    return listening
