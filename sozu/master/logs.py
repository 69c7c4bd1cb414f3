"""The access log's file: the master opens and reopens it, workers get the descriptor and write (sozu.proxy.access_log)."""

import fcntl
import os
import sys

from sozu.command.settings import AccessLog

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
        return os.dup(sys.stdout.fileno())
    # O_NONBLOCK only for the open: a fifo that nobody reads is an error here (ENXIO), where it would stop the master for good.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = os.open(path, flags, READABLE_BY_GROUP)
    fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_APPEND)
    return descriptor
