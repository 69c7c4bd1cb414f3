"""The access log's file: the master opens and reopens it, workers get the descriptor and write (sozu.proxy.access_log)."""

import fcntl
import os
import sys

from sozu.command.settings import AccessLog

# For whoever ships logs, by its group. Not for everybody: clients' addresses and whole paths are in it.
READABLE_BY_GROUP = 0o640


class LogFile:
    """The descriptor of the access log, or none when there is no log."""

    def __init__(self, wanted: AccessLog | None, descriptor: int | None = None) -> None:
        """Open it, unless it is open already under a descriptor. Raises OSError."""
        self._wanted = wanted
        self._descriptor = _open(wanted.path) if wanted is not None and descriptor is None else descriptor

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What to send along: one descriptor, or nothing."""
        return () if self._descriptor is None else (self._descriptor,)

    def reopen(self) -> None:
        """Open the path again, after a rotation. Raises OSError, and then the old file stays in use."""
        if self._wanted is not None:
            # The new one is open before the old one is closed: where that fails, on a full disk or in a folder that has
            # gone, lines go on into the old file.
            fresh = _open(self._wanted.path)
            self.close()
            self._descriptor = fresh

    def close(self) -> None:
        """Let go of it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _open(path: str) -> int:
    if path == "-":
        # A duplicate, so that `close` and a rotation leave our own standard output alone.
        return os.dup(sys.stdout.fileno())
    # O_NONBLOCK only for the open: a fifo that nobody reads is an error here (ENXIO), where it would stop the master for good.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = os.open(path, flags, READABLE_BY_GROUP)
    # Blocking again: the flag belongs to the open file and not to the descriptor (open(2)), so all workers would have it.
    # They write from a thread that has nothing else to do, and may wait in write(2) itself. O_APPEND stays: all of them
    # write to this file, and the kernel puts each write at its end.
    fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_APPEND)
    return descriptor
