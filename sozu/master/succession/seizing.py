"""Taking the listening sockets of a worker that hangs and whose master has died: nobody else has them, and who waits in their queues would go with it.

pidfd_getfd(2) copies another process's descriptor; the kernel lets us if we might trace that process, hence not everywhere (Yama's ptrace_scope). Where it does not, those who
wait there are lost.
"""

from collections.abc import Iterator
import ctypes
import errno
import logging
import os
from pathlib import Path
import socket
from typing import Final

from sozu.command.addresses import Address

log = logging.getLogger("sozu.master")

# Linux has it since 5.6; Python 3.11 has no name for it.
PIDFD_GETFD: Final = 438  # on every architecture

_libc = ctypes.CDLL(None, use_errno=True)


def seize(pid: int, rendezvous: str) -> list[tuple[str, int]]:
    """Copies of the listening sockets of this process, but for its rendezvous: addresses and descriptors. None of them if the kernel refuses.

    A socket that it has twice comes once.
    """
    seized: list[tuple[str, int]] = []
    try:
        for copy in _sockets(pid):
            with copy:
                # Only what listens. What that process knows of a client's connection is in its memory, so that to copy
                # this would be of use to nobody; and its rendezvous is no listener of ours.
                if copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and copy.getsockname() != rendezvous:
                    seized.append((_address(copy), copy.detach()))
    except OSError as error:
        log.warning("event=not_seized pid=%d reason=%s", pid, errno.errorcode.get(error.errno or 0, error.errno))
    return seized


def _sockets(pid: int) -> Iterator[socket.socket]:
    pidfd = os.pidfd_open(pid)
    try:
        # A link reads `socket:[inode]`, the same for each descriptor of one socket.
        numbers = {str(each.readlink()): int(each.name) for each in Path(f"/proc/{pid}/fd").iterdir()}
        for name, number in numbers.items():
            if name.startswith("socket:"):
                yield _copy(pidfd, number)
    finally:
        os.close(pidfd)


def _copy(pidfd: int, number: int) -> socket.socket:
    descriptor = _libc.syscall(PIDFD_GETFD, pidfd, number, 0)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return socket.socket(fileno=descriptor)


def _address(listening: socket.socket) -> str:
    if listening.family == socket.AF_UNIX:
        return f"unix:{listening.getsockname()}"
    return str(Address(listening.family, *listening.getsockname()[:2]))
