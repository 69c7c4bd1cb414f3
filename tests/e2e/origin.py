"""An origin server of our own: a process that prints its port and ends when its standard input ends.

GET  /name           its name (argument 1)
GET  /head           what arrived, as JSON: request line and fields
GET  /bytes/N        N bytes of a known pattern with Content-Length;  /chunked/N the same in chunks
PUT  /hash           {"length", "sha256"} of the body, Content-Length or chunked
GET  /held/KEY       a head and the first half of 1000 bytes; the rest when GET /release/KEY was asked
"""

from collections.abc import Iterator
import hashlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
import sys
import threading
from typing import Final

PIECE: Final = bytes(range(256)) * 256
HELD_BYTES: Final = 1000


class Origin(ThreadingHTTPServer):
    """Threads are enough: the data path under test is elsewhere."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.name = name
        self._gates: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def handle_error(self, *_: object) -> None:
        """Say nothing: many a test hangs up, and that is what socketserver would print."""

    def gate(self, key: str) -> threading.Event:
        with self._lock:
            return self._gates.setdefault(key, threading.Event())


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536
    server: "Origin"

    def do_GET(self) -> None:
        _, verb, argument = (*self.path.split("?")[0].split("/"), "")[:3]
        match verb:
            case "head":
                self._say(json.dumps({"line": self.requestline, "fields": self.headers.items()}).encode())
            case "bytes":
                self._begin({"Content-Length": argument})
                for piece in pattern(int(argument)):
                    self.wfile.write(piece)
            case "chunked":
                self._begin({"Transfer-Encoding": "chunked"})
                for piece in pattern(int(argument)):
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")
            case "held":
                self._begin({"Content-Length": str(HELD_BYTES)})
                self.wfile.write(b"a" * (HELD_BYTES // 2))
                self.wfile.flush()
                self.server.gate(argument).wait(60)
                self.wfile.write(b"b" * (HELD_BYTES // 2))
            case "release":
                self.server.gate(argument).set()
                self._say(b"released")
            case _:
                self._say(self.server.name.encode())

    def do_PUT(self) -> None:
        digest, length = hashlib.sha256(), 0
        for piece in self._body():
            digest.update(piece)
            length += len(piece)
        self._say(json.dumps({"length": length, "sha256": digest.hexdigest()}).encode())

    do_POST = do_PUT

    def log_message(self, *_: object) -> None:
        """Say nothing: a test reads what it needs from the answers."""

    def _begin(self, fields: dict[str, str]) -> None:
        self.send_response(200)
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()

    def _say(self, body: bytes) -> None:
        self._begin({"Content-Length": str(len(body))})
        self.wfile.write(body)

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield from self._exactly(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            yield from self._exactly(int(self.headers.get("Content-Length", 0)))

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self.rfile.read(min(size, 65536))
            if not piece:
                return
            size -= len(piece)
            yield piece


def pattern(size: int) -> Iterator[bytes]:
    """`size` bytes that a client can make as well."""
    for start in range(0, size, len(PIECE)):
        yield PIECE[: size - start]


def main() -> None:
    server = Origin(sys.argv[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
