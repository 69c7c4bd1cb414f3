"""How a process of ours is born: exec'ed from the disk, with one descriptor of ours and a clean slate otherwise.

It stands outside of the wings, and imports next to nothing: `sozu serve` lets its first workers be born before it imports the master's wing itself,
so that while it does so, and reads its configuration, they import theirs.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
import os
import signal
import socket
import sys
from typing import Final, NamedTuple

PROGRAM: Final = (sys.executable, "-m", "sozu")
WORKER: Final = (*PROGRAM, "worker")
# A terminal sends these to the whole group. A worker will ignore them, but first it has to be imported: meanwhile they wait.
FOR_THE_MASTER: Final = (signal.SIGINT, signal.SIGHUP)
RESTORED: Final = (signal.SIGPIPE, signal.SIGXFSZ)  # Python ignores them; a program that we start may count on them
# systemd's words to the master: a child that inherits them could speak in its name, or take its sockets.
NOT_FOR_CHILDREN: Final = frozenset(("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"))


class Born(NamedTuple):
    """A worker that was started, and our end of its channel."""

    pid: int
    channel: socket.socket


def bear(command: Sequence[str], descriptor: int, blocked: Sequence[signal.Signals] = FOR_THE_MASTER) -> int:
    """Start `command`, which inherits this one descriptor and our standard output and error; its pid. Raises OSError.

    Other descriptors are closed at its exec, as Python opens them all; it is born with the signals `blocked`.
    """
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, descriptor, descriptor),  # onto itself: it stays open across the exec
    ]
    surroundings = {name: value for name, value in os.environ.items() if name not in NOT_FOR_CHILDREN}
    return os.posix_spawn(command[0], list(command), surroundings, file_actions=actions, setsigmask=blocked, setsigdef=RESTORED)


def bear_worker(command: Sequence[str]) -> Born:
    """Start a worker, with `--channel FD` added to the command. Raises OSError."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            return Born(bear([*command, "--channel", str(theirs.fileno())], theirs.fileno()), ours)
        except OSError:
            ours.close()
            raise


@contextmanager
def born_ahead(count: int, command: Sequence[str] = WORKER) -> Iterator[list[Born]]:
    """So many workers, for whoever takes them from the list; those that nobody has taken end with the block.

    They are fewer where none can be started now: who needs them will try again, and tell why.
    """
    born: list[Born] = []
    try:
        with suppress(OSError):
            born += (bear_worker(command) for _ in range(count))
        yield born
    finally:
        for worker in born:
            os.kill(worker.pid, signal.SIGKILL)
            os.waitpid(worker.pid, 0)
            worker.channel.close()
