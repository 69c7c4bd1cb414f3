"""An origin that misbehaves, behind a proxy in another process: it plays the faults of tests/proxy/fault_origin.py, one thread a connection."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
import socket
import threading

from tests.proxy.fault_origin import Connection, Fault


@contextmanager
def misbehaving(fault: Fault) -> Iterator[str]:
    """The address of a server that plays this fault on every connection. At the end all of them are cut."""
    numbers, sockets = count(1), list[socket.socket]()

    def play(sock: socket.socket, number: int) -> None:
        with sock:
            try:
                fault(Connection(sock, number))
            except OSError:
                return  # the proxy has had enough, as it should

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sockets.append(sock)
            threading.Thread(target=play, args=(sock, next(numbers)), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for sock in sockets:
                _hang_up(sock)


def _hang_up(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has gone already
