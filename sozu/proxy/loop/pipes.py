"""Pipes for splice(2): large bodies go from one socket to another inside the kernel, and are never copied to us (DESIGN section 3.5).

A pipe costs two descriptors and holds up to a mebibyte of the kernel's memory, so only so many are lent at a time; who gets none copies. One that
comes back with bytes in it (its exchange broke off) is closed: those bytes belong to nobody else.
"""

from contextlib import suppress
from fcntl import F_SETPIPE_SZ, fcntl
import os
from typing import Final

# SPLICE_F_NONBLOCK regards the pipe alone; sockets are non-blocking by themselves. SPLICE_F_MOVE is only a hint: Linux has ignored it
# since 2.6.21, and permits it (splice(2)).
FLAGS: Final = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK
SIZE: Final = 1 << 20
# 64 of 1 MiB are just what one user without privileges may have in pipes by default (16,384 pages, pipe-user-pages-soft in pipe(7)).
# Beyond that the kernel makes small ones, which work as well with more calls: several workers share the allowance.
MOST_LENT: Final = 64
MOST_KEPT: Final = 8


class Pipe:
    """Bytes on their way; `len` tells how many there are in it."""

    __slots__ = ("_held", "_reader", "_writer")

    def __init__(self) -> None:
        self._held = 0
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        with suppress(OSError):  # one user may have so many large ones; a small one does too
            fcntl(self._writer, F_SETPIPE_SZ, SIZE)

    def __len__(self) -> int:
        return self._held

    def fill(self, descriptor: int, most: int) -> int:
        """Move bytes from a socket into the pipe, which must be empty; 0 at its end. Raises OSError, EAGAIN too."""
        # Empty, or EAGAIN could mean a full pipe as well as a socket without bytes: the caller would wait for a socket that is readable
        # already, and spin.
        self._held = os.splice(descriptor, self._writer, most, flags=FLAGS)
        return self._held

    def drain(self, descriptor: int) -> None:
        """Move bytes from the pipe to a socket, as many as it takes. Raises OSError, EAGAIN too."""
        self._held -= os.splice(self._reader, descriptor, self._held, flags=FLAGS)

    def close(self) -> None:
        """Close both ends."""
        os.close(self._reader)
        os.close(self._writer)


class Pipes:
    """Lends pipes and keeps a few."""

    __slots__ = ("_idle", "_lent")

    def __init__(self) -> None:
        self._idle: list[Pipe] = []
        self._lent = 0

    def take(self) -> Pipe | None:
        """An empty pipe, or None where copying is better: too many are out, or no descriptor is left."""
        if self._lent >= MOST_LENT:
            return None
        try:
            pipe = self._idle.pop() if self._idle else Pipe()
        # EMFILE or ENFILE. Whoever asks has an exchange to finish, and copying needs no descriptor.
        except OSError:
            return None
        self._lent += 1
        return pipe

    def give(self, pipe: Pipe) -> None:
        """Take it back."""
        self._lent -= 1
        if len(pipe) or len(self._idle) >= MOST_KEPT:
            pipe.close()
        else:
            self._idle.append(pipe)


PIPES: Final = Pipes()
