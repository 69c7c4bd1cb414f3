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

# By the interpreter that runs us: a `sozu` on the PATH may belong to another environment, and `python -m sozu` needs none.
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
        # A child that shared our terminal's input could take what is typed, or be stopped for reading it in the background
        # (SIGTTIN).
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, descriptor, descriptor),  # onto itself: it stays open across the exec
    ]
    surroundings = {name: value for name, value in os.environ.items() if name not in NOT_FOR_CHILDREN}
    # Not fork: glibc's posix_spawn lends the child our memory until its exec, so a master with a large state copies no page tables,
    # and none of our code runs in a copy of a process whose other threads may have held locks.
    return os.posix_spawn(command[0], list(command), surroundings, file_actions=actions, setsigmask=blocked, setsigdef=RESTORED)


def bear_worker(command: Sequence[str]) -> Born:
    """Start a worker, with `--channel FD` added to the command. Raises OSError."""
    ours, theirs = socket.socketpair()
    # Our copy of the worker's end is closed in any case: as long as one is open here, the end of the worker is never an end of its
    # channel.
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
            # An in-place addition keeps those that were born before the one that failed; a comprehension would lose them, alive.
            born += (bear_worker(command) for _ in range(count))
        yield born
    finally:
        for worker in born:
            # SIGKILL: it has not been told anything yet, so there is nothing to finish. And nobody else waits for it: who takes one
            # pops it.
            os.kill(worker.pid, signal.SIGKILL)
            os.waitpid(worker.pid, 0)
            worker.channel.close()
