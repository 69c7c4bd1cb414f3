"""Listening sockets that systemd keeps for us (FDSTORE=1 of sd_notify(3)): should everything of ours be killed at once, who waits in their queues is still answered.

They come back as those of a socket unit do (`activation`), and by their names it is known which slot had which. One that is closed here has to be given back there first: the
kernel would give it its share of new connections, for nobody. At a stop they stay: systemd closes them, unless it is a restart.
"""

from collections.abc import Iterable, Mapping, Sequence
import os
import re
import socket
from typing import Final

import gevent.select

from sozu.master.surroundings.notify import notify

LONGEST_NAME: Final = 200  # bytes of the address; systemd takes 255 for all
PATIENCE: Final = 1.0  # seconds in which systemd has read what we told it
_NAME = re.compile(r"sozu-(\d+)-")


class Store:
    """What systemd keeps. `stored` are the names of what it gave us at our start."""

    def __init__(self, environment: Mapping[str, str], stored: Iterable[str] = ()) -> None:
        self._environment = environment
        self._stored = set(stored)

    def follow(self, opened: Mapping[str, Sequence[socket.socket]]) -> None:
        """Have exactly these kept: by address, those of its slots."""
        wanted = dict(_named(opened))
        # First what goes: the store holds so many (FileDescriptorStoreMax=),
        # and systemd closes what it has no room for.
        for name in sorted(self._stored - wanted.keys()):
            notify(f"FDSTOREREMOVE=1\nFDNAME={name}", self._environment)
        for name, each in wanted.items():
            if name not in self._stored:
                notify(f"FDSTORE=1\nFDNAME={name}", self._environment, [each.fileno()])
        self._stored = set(wanted)

    def settle(self) -> None:
        """Wait until systemd has done what it was told, though not for long."""
        # BARRIER=1 has no answer but this: systemd closes the descriptor when it has come to the message, and with it
        # to all before. Ours has to be closed as well, or the pipe would never end.
        reader, writer = os.pipe()
        told = notify("BARRIER=1", self._environment, [writer])
        os.close(writer)
        if told:
            gevent.select.select([reader], [], [], PATIENCE)
        os.close(reader)


def _named(opened: Mapping[str, Sequence[socket.socket]]) -> Iterable[tuple[str, socket.socket]]:
    for address, sockets in opened.items():
        seen = set[int]()  # where slots share a socket it is one
        for slot, each in enumerate(sockets):
            identity = os.fstat(each.fileno()).st_ino
            if identity not in seen:
                seen.add(identity)
                yield name_of(slot, address), each


def name_of(slot: int, address: str) -> str:
    """Under which name the socket of this slot is stored: text without a colon."""
    # A colon would end the name where systemd lists several (LISTEN_FDNAMES).
    # Of a long path the end is kept, because the beginnings of paths are alike.
    return f"sozu-{slot}-{address.replace(':', '_')[-LONGEST_NAME:]}"


def slot_in(name: str) -> int | None:
    """Which slot had it; None for what others have opened."""
    found = _NAME.match(name)
    return None if found is None else int(found[1])
