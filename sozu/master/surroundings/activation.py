"""Sockets that systemd has opened or kept for us (sd_listen_fds(3)): ports below 1024 without root, clients that may come before we do, and after we were killed.

They are matched with listeners by their address; what the configuration does not name is closed. The variables are taken away, so
that no program that follows us takes the descriptors for its own.
"""

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
import os
import socket
from typing import Final

from sozu.command.addresses import normal_address
from sozu.master.surroundings.storing import slot_in

FIRST: Final = 3  # SD_LISTEN_FDS_START
VARIABLES: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


@dataclass(frozen=True, slots=True)
class Activated:
    """Listening sockets that came for this process: by the address of a listener, a descriptor for each slot. `stored` are the names of those that were ours before."""

    sockets: dict[str, dict[int, int]] = field(default_factory=dict)
    stored: frozenset[str] = frozenset()


def activated_sockets(environment: MutableMapping[str, str], pid: int, first: int = FIRST) -> Activated:
    """What came. One that came twice, from a unit and from the store, is one."""
    told = {name: environment.pop(name, "") for name in VARIABLES}
    # sd_listen_fds(3): variables that some program has passed on by mistake name another pid. Those descriptors are not
    # ours, not even to close.
    if told["LISTEN_PID"] != str(pid) or not told["LISTEN_FDS"].isdigit():
        return Activated()
    count = int(told["LISTEN_FDS"])
    names = (told["LISTEN_FDNAMES"].split(":") + [""] * count)[:count]
    came = dict(enumerate(names, start=first))
    # Those of the store first: they know their slots.
    ordered = sorted(came, key=lambda descriptor: (slot_in(came[descriptor]) is None, descriptor))
    return Activated(_by_address((descriptor, slot_in(came[descriptor])) for descriptor in ordered), frozenset(name for name in names if slot_in(name) is not None))


def _by_address(came: Iterator[tuple[int, int | None]]) -> dict[str, dict[int, int]]:
    found: dict[str, dict[int, int]] = {}
    seen = set[int]()
    for descriptor, slot in came:
        # systemd passes them on without close-on-exec: a worker would
        # inherit them, and hold the port when we have closed it.
        os.set_inheritable(descriptor, False)
        # Two descriptors of one socket have the same inode; nothing else tells that they are one.
        address, identity = _address(descriptor), os.fstat(descriptor).st_ino
        if address is None or identity in seen:
            os.close(descriptor)
            continue
        seen.add(identity)
        # Several workers may accept on it: one that comes too late must be told
        # so by the kernel, and not wait in accept(2) with all its clients.
        os.set_blocking(descriptor, False)
        slots = found.setdefault(address, {})
        slots[slot if slot is not None and slot not in slots else _free(slots)] = descriptor
    return found


def _free(slots: dict[int, int]) -> int:
    return next(slot for slot in range(len(slots) + 1) if slot not in slots)


def _address(descriptor: int) -> str | None:
    # A duplicate, because the object closes what it was made of.
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
