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
from sozu.parsers.head_reader import HeadReader
from sozu.parsers.result import Done, Error
from sozu.parsers.views import RequestView, request_view

log = logging.getLogger("sozu.master")

# While all places are taken the accept loop waits in the pool's `spawn`, and further readers in the backlog: a port
# that is open to a whole network must not cost the master more than this.
READERS_AT_ONCE = 16
PATIENCE = 5.0  # seconds for one connection from its first byte to its last
LONGEST_HEAD = 8192
BACKLOG = 16
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class MetricsPage:
    """The open endpoint, on `address` (port 0 is resolved); `page` makes its content."""

    def __init__(self, address: str, page: Callable[[], bytes], listening: socket.socket | None = None) -> None:
        """Listen on the address, unless somebody has opened it for us. Raises CannotListen."""
        self._page = page
        self._listening = listening or _listen(address)
        self.address = str(parse_address(address).with_port(self._listening.getsockname()[1]))
        self._readers = Pool(READERS_AT_ONCE)
        self._acceptor = gevent.spawn(accept_each, self._listening, lambda sock: self._readers.spawn(self._serve, sock))

    def hand_over(self) -> int:
        """Serve no more; who comes now waits for another page on this descriptor."""
        self._acceptor.kill()
        # Each of them ends within that time anyway, so an upgrade cuts no scrape in two.
        self._readers.join(PATIENCE)
        return self._listening.detach()

    def close(self) -> None:
        """Serve no more."""
        self._acceptor.kill()
        self._listening.close()
        self._readers.kill()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                with gevent.Timeout(PATIENCE, TimeoutError("too slow")):
                    connection.sendall(self._answer(_request(connection)))
                    connection.shutdown(socket.SHUT_WR)
            except OSError as error:
                log.debug("event=metrics_reader_lost reason=%r", str(error))

    def _answer(self, request: RequestView | None) -> bytes:
        if request is None:
            return _response("400 Bad Request", "text/plain", b"GET /metrics HTTP/1.1\n")
        # The path before the method: 405 would say that there is something
        # at this path. It comes with Allow, as RFC 9110 15.5.6 wants.
        if request.target != b"/metrics":
            return _response("404 Not Found", "text/plain", b"The figures are at /metrics\n")
        if request.method != b"GET":
            return _response("405 Method Not Allowed", "text/plain", b"GET /metrics\n", "Allow: GET\r\n")
        return _response("200 OK", CONTENT_TYPE, self._page())


def _request(connection: socket.socket) -> RequestView | None:
    """What is asked for; None if that is no HTTP. A body, if one comes, is nobody's business here."""
    reader = HeadReader(request_view, limit=LONGEST_HEAD)
    while data := connection.recv(LONGEST_HEAD):
        match reader.feed(data):
            case Done(_, view):
                return view
            case Error():
                return None
    return None


def _response(status: str, content_type: str, body: bytes, fields: str = "") -> bytes:
    # Connection: close, because a kept connection would hold one of the few places from one scrape to the next.
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{fields}Connection: close\r\n\r\n"
    return head.encode("ascii") + body


def _listen(text: str) -> socket.socket:
    address = parse_address(text)
    listening = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        # So that a restart is not refused for connections of the former run in TIME_WAIT. Not SO_REUSEPORT: a second
        # master here has to fail, and not to take half of the scrapes.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address.sockaddr)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise CannotListen(f"cannot serve metrics on {address}: {error.strerror or error}") from error
    return listening
