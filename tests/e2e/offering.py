"""Offers so many new connections a second, whatever becomes of them: `python offering.py PORT RATE SECONDS` prints what became of them, as JSON.

Open loop: the next ones come at their time, answered or not. Each sends one request and closes by a reset, so that no port has to rest. `refused` and
`broken` are connections, `unanswered` those that were still open when patience ended; the times are milliseconds from connect to the first byte.
"""

from collections import Counter
from errno import EINPROGRESS
import json
import select
import socket
import struct
import sys
from time import monotonic

REQUEST = b"GET / HTTP/1.1\r\nHost: any.example\r\nConnection: close\r\n\r\n"
RESET = struct.pack("ii", 1, 0)
PATIENCE = 10.0
TURN = 0.002
ADDRESSES = 8  # of 127.0.0.0/8 to come from: ports are 28,000 each


class Offer:
    """One run; `told` is what became of it."""

    def __init__(self, port: int) -> None:
        self._address = ("127.0.0.1", port)
        self._poll = select.epoll()
        self._open: dict[int, tuple[socket.socket, float]] = {}
        self._times: list[float] = []
        self._most = 0
        self.counts: Counter[str] = Counter()

    def run(self, rate: int, seconds: float) -> None:
        """Offer, then wait for the last ones."""
        began = monotonic()
        while (now := monotonic()) < began + seconds + PATIENCE:
            due = int(min(now - began, seconds) * rate) - self.counts["offered"]
            if not due and now > began + seconds and not self._open:
                return
            for _ in range(due):
                self._begin()
            self._most = max(self._most, len(self._open))
            self._turn()

    def told(self) -> dict[str, float]:
        """The counts, the times, and how many were open at once."""
        times = sorted(self._times) or [0.0]
        share = {f"p{percent}": round(times[len(times) * percent // 100] * 1e3, 1) for percent in (50, 99)}
        return {**self.counts, "unanswered": len(self._open), "most_open": self._most, "max": round(times[-1] * 1e3, 1), **share}

    def _begin(self) -> None:
        self.counts["offered"] += 1
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        sock.bind((f"127.0.1.{1 + self.counts['offered'] % ADDRESSES}", 0))
        if sock.connect_ex(self._address) not in (0, EINPROGRESS):
            self._end(sock, "refused")
            return
        self._open[sock.fileno()] = sock, monotonic()
        self._poll.register(sock, select.EPOLLOUT)

    def _turn(self) -> None:
        for number, event in self._poll.poll(TURN):
            sock, began = self._open[number]
            try:
                self._go_on(sock, began, event)
            except ConnectionRefusedError:
                self._end(sock, "refused")
            except OSError:
                self._end(sock, "broken")

    def _go_on(self, sock: socket.socket, began: float, event: int) -> None:
        if event & select.EPOLLOUT:
            sock.send(REQUEST)
            self._poll.modify(sock, select.EPOLLIN)
            return
        answered = sock.recv(4096).startswith(b"HTTP/1.1 200 ")
        self._times.append(monotonic() - began)
        self._end(sock, "answered" if answered else "broken")

    def _end(self, sock: socket.socket, how: str) -> None:
        self.counts[how] += 1
        self._open.pop(sock.fileno(), None)
        sock.close()


def main() -> None:
    offer = Offer(int(sys.argv[1]))
    offer.run(int(sys.argv[2]), float(sys.argv[3]))
    sys.stdout.write(json.dumps(offer.told()) + "\n")


if __name__ == "__main__":
    main()
