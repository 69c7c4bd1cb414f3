"""Sockets that systemd has opened for us (sd_listen_fds(3)): ports below 1024 without root, and clients that may come before we do.

They are matched with listeners by their address; what the configuration does not name is closed. The variables are taken away, so
that no program that follows us takes the descriptors for its own.
"""

from collections.abc import MutableMapping
import os
import socket
from typing import Final

from sozu.command.addresses import normal_address

FIRST: Final = 3  # SD_LISTEN_FDS_START
VARIABLES: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def activated_sockets(environment: MutableMapping[str, str], pid: int, first: int = FIRST) -> dict[str, int]:
    """The listening sockets that came for this process, by the address of a listener."""
    told = {name: environment.pop(name, "") for name in VARIABLES}
    if told["LISTEN_PID"] != str(pid) or not told["LISTEN_FDS"].isdigit():
        return {}
    found = {}
    for descriptor in range(first, first + int(told["LISTEN_FDS"])):
        os.set_inheritable(descriptor, False)
        address = _address(descriptor)
        if address is not None:
            os.set_blocking(descriptor, False)
            found[address] = descriptor
    return found


def _address(descriptor: int) -> str | None:
    with socket.socket(fileno=os.dup(descriptor)) as opened:
        if opened.type is not socket.SOCK_STREAM or not opened.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return None
        match opened.family, opened.getsockname():
            case socket.AF_UNIX, str(path):
                return normal_address(f"unix:{path}")
            case socket.AF_INET, (host, port):
                return normal_address(f"{host}:{port}")
            case socket.AF_INET6, (host, port, *_):
                return normal_address(f"[{host}]:{port}")
    return None
