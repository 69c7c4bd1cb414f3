"""Taking in the workers of a master that died: they go on serving, and come back with their listening sockets.

Whoever waits at a rendezvous is asked who it is. One that does not say so in time is hung, and is killed: it would keep its share of new connections
to itself. One that speaks another language is asked to drain by a signal; its sockets stay in use all the same.
"""

from dataclasses import dataclass, field
import logging
import os
import signal
import struct
from time import time

import gevent
from gevent import socket
import msgspec

from sozu import __version__
from sozu.command.channel import Channel, ChannelError, channel_to_worker
from sozu.command.digest import digest
from sozu.command.settings import Metrics, Settings
from sozu.command.state import ConfigState
from sozu.command.worker_protocol import SCHEMA, Found, FromWorker
from sozu.master.workers.link import WorkerLink
from sozu.master.workers.process import Process
from sozu.master.workers.rendezvous import Places, remove
from sozu.master.workers.roster import Worker, WorkerState
from sozu.master.workers.slots import Slots

log = logging.getLogger("sozu.master")

PATIENCE = 3.0  # seconds in which a worker says who it is


@dataclass(frozen=True, slots=True)
class Orphan:
    """A worker that was found: what it said, the descriptors of its listening sockets, and the channel."""

    found: Found
    sockets: dict[str, int]
    channel: Channel[FromWorker]
    rendezvous: str

    @property
    def slot(self) -> int:
        """The number under which it serves."""
        return self.found.slot

    @property
    def understood(self) -> bool:
        """Does it speak our language?"""
        return self.found.schema == SCHEMA

    def worker(self) -> Worker:
        """As others see workers. Questions begin at a number that no earlier master has come to."""
        link = WorkerLink(self.channel, first_id=int(time() * 1000))
        state = WorkerState.DRAINING if self.found.draining else WorkerState.RUNNING
        return Worker(self.slot, Process(self.found.pid), link, state=state, rendezvous=self.rendezvous, version=self.found.version)

    def objection(self, settings: Settings, state: ConfigState) -> str:
        """Why it cannot stay as it is; "" if it can."""
        found = self.found
        if found.version != __version__:
            return f"it runs version {found.version}"
        if _of_workers(found.settings) != _of_workers(settings):
            return "it has other settings"
        if (found.revision, found.digest) != (state.revision, digest(state)):
            return "it has another configuration than the journal"
        return ""


@dataclass(slots=True)
class Orphanage:
    """Those that were found at a start; and the sockets of those that could not be taken in."""

    orphans: list[Orphan] = field(default_factory=list)

    def sockets(self) -> dict[str, dict[int, int]]:
        """By address and slot, a descriptor for each socket."""
        by_address: dict[str, dict[int, int]] = {}
        for orphan in self.orphans:
            for address, descriptor in orphan.sockets.items():
                by_address.setdefault(address, {})[orphan.slot] = descriptor
        return by_address

    @property
    def slots(self) -> int:
        """So many slots are needed to have them all."""
        return max((orphan.slot + 1 for orphan in self.orphans if not orphan.found.draining), default=0)


def find_orphans(places: Places) -> Orphanage:
    """Ask everybody who waits at a rendezvous, all at once."""
    asked = [gevent.spawn(_ask, path) for path in places]
    gevent.joinall(asked)
    return Orphanage([orphan for each in asked if (orphan := each.value) is not None])


def _ask(path: str) -> Orphan | None:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.connect(path)
        with gevent.Timeout(PATIENCE, TimeoutError("it does not say who it is")):
            return _hear(channel_to_worker(line), path)
    except ConnectionRefusedError:
        line.close()
        remove(path)  # it has ended
    except (OSError, ChannelError) as error:
        log.warning("event=orphan_lost rendezvous=%s reason=%r", path, str(error))
        _end_whoever_listens(line)
    return None


def _hear(channel: Channel[FromWorker], path: str) -> Orphan | None:
    sockets: dict[str, int] = {}
    while True:
        found, descriptors = channel.receive()
        if not isinstance(found, Found):
            raise ChannelError(f"it said {found} where its name was due")
        sockets.update(zip((name.address for name in found.listeners), descriptors, strict=True))
        if found.last:
            break
    log.info("event=orphan_found slot=%d pid=%d revision=%d version=%s", found.slot, found.pid, found.revision, found.version)
    if found.schema != SCHEMA:
        log.warning("event=orphan_of_other_schema slot=%d pid=%d schema=%d", found.slot, found.pid, found.schema)
        os.kill(found.pid, signal.SIGTERM)
    return Orphan(found, sockets, channel, path)


def _of_workers(settings: Settings) -> Settings:
    """The settings without what is the master's alone."""
    return msgspec.structs.replace(settings, journal="", workers=0, metrics=Metrics())


def _end_whoever_listens(line: socket.socket) -> None:
    with line:
        pid, _, _ = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    if pid > 0:
        log.warning("event=orphan_killed pid=%d", pid)
        orphan = Process(pid)
        orphan.kill()
        orphan.ended.wait(PATIENCE)


def take_in(orphanage: Orphanage, slots: Slots, settings: Settings, state: ConfigState) -> None:
    """Let them go on in their slots; those that do not fit are replaced once the slots are kept filled."""
    for orphan in orphanage.orphans:
        if orphan.understood:
            worker, objection = orphan.worker(), orphan.objection(settings, state)
            slots.take_on(worker)
            if objection:
                worker.replace(objection)
