"""What does a worker's memory consist of? `python benchmarks/memory.py` measures each term of the formula in docs/configuration.md.

One worker, and an origin of ours that sends what the path says and takes what it likes. Each row brings so many connections into one state, looks at the
resident memory of the worker, and hangs up; what stays afterwards is shown too. The kernel's buffers are nobody's resident memory.
"""

import argparse
from collections.abc import Callable
from contextlib import suppress
import os
from pathlib import Path
import select
import socket
import tempfile
import threading
import time

from peers import Proxy, stage

LARGE = 100 << 20
SOME = bytes(1 << 16)
SETTLED = 0.6  # seconds without news: the worker has done what it can
SMALL_WINDOW = 4096
AHEAD = 100  # requests
HEADS = {
    b"/none": b"",
    b"/ok": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"/64k": b"HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n",
    b"/1m": b"HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n",
    b"/100m": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE,
    b"/chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % LARGE,
    b"/end": b"HTTP/1.1 200 OK\r\n\r\n",
}
SIZES = {b"/64k": 1 << 16, b"/1m": 1 << 20, b"/100m": LARGE, b"/chunked": LARGE, b"/end": LARGE}


class Origin:
    """Answers by path, each connection once more for each request; reads no bodies."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._poll = select.epoll()
        self._poll.register(self._listener, select.EPOLLIN)
        self._open: dict[int, socket.socket] = {}
        self._left: dict[int, int] = {}
        self.port: int = self._listener.getsockname()[1]

    def run(self) -> None:
        """For ever, in a thread that nobody waits for."""
        while True:
            for number, event in self._poll.poll():
                if number == self._listener.fileno():
                    self._accept()
                    continue
                try:
                    self._serve(number, event)
                except OSError:
                    self._end(number)

    def drop(self) -> None:
        """Hang up on everybody: who waits for us waits no longer."""
        for sock in list(self._open.values()):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        sock, _ = self._listener.accept()
        sock.setblocking(False)
        self._open[sock.fileno()] = sock
        self._left[sock.fileno()] = 0
        self._poll.register(sock, select.EPOLLIN)

    def _serve(self, number: int, event: int) -> None:
        sock = self._open[number]
        if event & select.EPOLLOUT:
            self._left[number] -= sock.send(SOME[: self._left[number]])
            if not self._left[number]:
                self._poll.modify(number, select.EPOLLIN)
            return
        data = sock.recv(2048)
        if not data:
            self._end(number)
        elif data.startswith(b"GET "):
            path = data.split()[1]
            sock.send(HEADS[path])
            self._left[number] = SIZES.get(path, 0)
            if self._left[number]:
                self._poll.modify(number, select.EPOLLIN | select.EPOLLOUT)
        else:
            self._poll.modify(number, 0)  # an upload that nobody reads

    def _end(self, number: int) -> None:
        self._poll.unregister(number)
        self._open.pop(number).close()


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def settled(worker: int) -> int:
    """Resident bytes, once the worker uses no processor time any more but for its clock."""
    stat = Path(f"/proc/{worker}/schedstat")
    while True:
        used = int(stat.read_text().split()[0])
        time.sleep(SETTLED)
        if int(stat.read_text().split()[0]) - used < SETTLED * 0.02 * 1e9:
            return resident(worker)


def connect(port: int) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_WINDOW)
    client.connect(("127.0.0.1", port))
    return client


def asking(path: str) -> Callable[[socket.socket], None]:
    """Ask, and read nothing."""
    return lambda client: client.sendall(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode())


def answered(client: socket.socket) -> None:
    """Ask, and read the answer."""
    asking("/ok")(client)
    answer = b""
    while not answer.endswith(b"ok"):
        answer += client.recv(4096)


def asking_ahead(client: socket.socket) -> None:
    """Ask many times at once, and read nothing."""
    client.sendall(b"GET /64k HTTP/1.1\r\nHost: a\r\n\r\n" * AHEAD)


def nothing(_: socket.socket) -> None:
    """Only be there."""


def half_a_head(client: socket.socket) -> None:
    """Send what may become a request."""
    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-Half: ")


def uploading(client: socket.socket) -> None:
    """Send as much of a body as is taken."""
    client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % LARGE)
    client.setblocking(False)
    for _ in range(64):
        try:
            client.send(SOME)
        except BlockingIOError:
            return


STATES: dict[str, Callable[[socket.socket], None]] = {
    "idle, never asked": nothing,
    "idle after an answer": answered,
    "half a head": half_a_head,
    "backend silent": asking("/none"),
    "64 kB not read": asking("/64k"),
    "64 kB ahead, not read": asking_ahead,
    "1 MB not read": asking("/1m"),
    "100 MB not read": asking("/100m"),
    "chunked not read": asking("/chunked"),
    "until close not read": asking("/end"),
    "upload not read": uploading,
}


def row(name: str, proxy: Proxy, worker: int, origin: Origin, count: int) -> None:
    before = settled(worker)
    clients = [connect(proxy.port) for _ in range(count)]
    for client in clients:
        STATES[name](client)
    during = settled(worker)
    for client in clients:
        client.close()
    origin.drop()
    after = settled(worker)
    print(f"  {name:22s}{before / 1e6:10.1f}{during / 1e6:10.1f}{(during - before) / count:14.0f}{after / 1e6:10.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=500)
    parser.add_argument("--again", type=int, default=2, help="how often; what a first time leaves behind, a second one finds")
    options = parser.parse_args()
    origin = Origin()
    threading.Thread(target=origin.run, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="memory-") as folder, stage(Path(folder), origin.port) as made:
        proxy = made.start("sozu")
        worker = proxy.family()[-1]
        for _ in range(options.again):
            print(f"\n  {'state':22s}{'before MB':>10s}{'then MB':>10s}{'bytes for each':>14s}{'after MB':>10s}")
            for name in STATES:
                row(name, proxy, worker, origin, options.connections)


if __name__ == "__main__":
    main()
