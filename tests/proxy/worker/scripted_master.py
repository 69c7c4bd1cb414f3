"""The other end of a worker's channel, for tests: a plain blocking one, which says what the test says."""

from collections.abc import Sequence
from pathlib import Path
import socket
import subprocess
import sys
from typing import Any, Self, TypeVar

from sozu.command.channel import channel_to_worker
from sozu.command.facts import Protocol
from sozu.command.orders import AddListener, AnyOrder
from sozu.command.settings import Settings
from sozu.command.worker_protocol import (
    GiveListeners,
    Hello,
    ListenerName,
    Load,
    Message,
    Publish,
    Ready,
    Reply,
    Welcome,
)

PATIENCE = 60.0

M = TypeVar("M", Hello, Ready, Reply)


class ScriptedMaster:
    """Starts a worker process and keeps one listening socket for it."""

    def __init__(self) -> None:
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(PATIENCE)
        self.channel = channel_to_worker(self.socket)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listening.getsockname()[1]}"
        command = [sys.executable, "-m", "sozu", "worker", "--channel", str(theirs.fileno())]
        self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stderr=subprocess.PIPE)
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
        self.channel.close()
        self.listening.close()

    def say(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        self.channel.send(message, descriptors)

    def hear(self, kind: type[M]) -> M:
        message, _ = self.channel.receive()
        assert isinstance(message, kind)
        return message

    def ask(self, message: Message, descriptors: Sequence[int] = ()) -> Reply:
        self.say(message, descriptors)
        return self.hear(Reply)

    def publish(self, revision: int, *orders: AnyOrder) -> Reply:
        return self.ask(Publish(id=revision, revision=revision, orders=orders))

    def bring_up(self, settings: Settings, *orders: AnyOrder, log: Sequence[int] = ()) -> Ready:
        """Everything up to Ready, with the state at revision 1."""
        assert self.hear(Hello).pid == self.process.pid
        self.say(Welcome(slot=3, settings=settings), log)
        name = ListenerName(Protocol.HTTP, self.address)
        self.say(GiveListeners(listeners=(name,)), [self.listening.fileno()])
        listener = AddListener(protocol=Protocol.HTTP, address=self.address)
        self.say(Load(revision=1, orders=(listener,), last=False))
        self.say(Load(revision=1, orders=orders, last=True))
        return self.hear(Ready)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.listening.getsockname(), PATIENCE)

    def get(self, host: str, path: str = "/") -> tuple[int, bytes]:
        """One request on a connection of its own: status and body."""
        with self.connect() as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            return read_answer(sock)

    def end(self) -> int:
        """Wait for the worker's end."""
        return self.process.wait(PATIENCE)


def read_answer(sock: socket.socket) -> tuple[int, bytes]:
    """Status and body of what comes until the end."""
    data = b""
    while piece := sock.recv(65536):
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body


def read_until(sock: socket.socket, end: bytes) -> None:
    """Read until what has come ends like this."""
    data = b""
    while not data.endswith(end):
        piece = sock.recv(65536)
        assert piece
        data += piece


def settings(folder: Path, **others: Any) -> Settings:
    return Settings(command_socket=str(folder / "sozu.sock"), journal=str(folder / "sozu.journal"), **others)


def command_line(pid: int) -> str:
    """As `ps` shows it."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode()
