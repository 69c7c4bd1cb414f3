"""Taking in the workers of a master that died: they go on serving, and come back with their listening sockets.

Whoever waits at a rendezvous is asked who it is. One that does not say so in time is hung, and is killed: it would keep its share of new connections
to itself; its listening sockets are seized before, where the kernel permits it. One that speaks another language is asked to drain by a signal; its sockets stay in use all the same.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
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
from sozu.command.settings import Metrics, Settings
from sozu.command.state import ConfigState, digest
from sozu.command.worker_protocol import SCHEMA, Found, FromWorker
from sozu.master.succession.seizing import seize
from sozu.master.succession.staffing import MOST
from sozu.master.workers.link import WorkerLink
from sozu.master.workers.process import Process
from sozu.master.workers.rendezvous import Places, remove, slot_of
from sozu.master.workers.roster import Worker, WorkerState
from sozu.master.workers.slots import Slots

log = logging.getLogger("sozu.master")

# As long as a worker of ours may be silent before it counts as hung (workers/heartbeat.py).
PATIENCE = 3.0  # seconds in which a worker says who it is


@dataclass(frozen=True, slots=True)
class Held:
    """A listening socket that a worker has: the slot to which it belongs, if that is known, and a descriptor of ours."""

    address: str
    slot: int | None
    descriptor: int


@dataclass(frozen=True, slots=True)
class Orphan:
    """A worker that was found: what it said, its listening sockets and those that were lent to it, and the channel."""

    found: Found
    sockets: Sequence[Held]
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
        """As others see workers. Questions begin at a number that no earlier master has come to. Raises ProcessLookupError if it has ended."""
        process = Process(self.found.pid)
        # By the clock, because replies to what the dead master has asked still come, over this channel: with a number
        # that was used before, one would be taken for the answer to another question.
        link = WorkerLink(self.channel, first_id=int(time() * 1000))
        state = WorkerState.DRAINING if self.found.draining else WorkerState.RUNNING
        return Worker(self.slot, process, link, state=state, rendezvous=self.rendezvous, version=self.found.version)

    def objection(self, settings: Settings, state: ConfigState) -> str:
        """Why it cannot stay as it is; "" if it can."""
        found = self.found
        if found.version != __version__:
            return f"it runs version {found.version}"
        if _of_workers(found.settings) != _of_workers(settings):
            return "it has other settings"
        # Both of them: another journal may have been put in its place, with as many revisions.
        if (found.revision, found.digest) != (state.revision, digest(state)):
            return "it has another configuration than the journal"
        return ""


@dataclass(slots=True)
class Orphanage:
    """Those that were found at a start; and the sockets of those that could not be taken in."""

    orphans: list[Orphan] = field(default_factory=list)
    seized: list[Held] = field(default_factory=list)

    def sockets(self) -> dict[str, dict[int, int]]:
        """By address and slot, a descriptor for each socket; the others are closed. One whose slot is not known goes to a free one."""
        by_address: dict[str, dict[int, int]] = {}
        # Those with a slot come first; what nobody knows a slot for takes what they leave.
        for held in sorted(self._held(), key=lambda held: held.slot is None):
            taken = by_address.setdefault(held.address, {})
            slot = next(each for each in count() if each not in taken) if held.slot is None else held.slot
            if taken.setdefault(slot, held.descriptor) != held.descriptor:
                os.close(held.descriptor)  # of the same socket: one drains and another serves, or it was about to be given back
        return by_address

    def _held(self) -> Iterator[Held]:
        yield from self.seized
        for orphan in self.orphans:
            yield from orphan.sockets

    @property
    def slots(self) -> int:
        """So many slots are needed to have them all, and those for which they accept."""
        # One that drains has closed its listening sockets, and needs no slot to end in.
        serving = (orphan.slot for orphan in self.orphans if not orphan.found.draining)
        return max((slot + 1 for slot in (*serving, *(held.slot for held in self._held() if held.slot is not None))), default=0)


def find_orphans(places: Places) -> Orphanage:
    """Ask everybody who waits at a rendezvous, all at once."""
    orphanage = Orphanage()
    # All at once: each that hangs costs its whole patience, and until the last one has answered nothing else is opened.
    asked = [gevent.spawn(_ask, path, orphanage) for path in places]
    gevent.joinall(asked)
    return orphanage


def _ask(path: str, orphanage: Orphanage) -> None:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    heard: list[Held] = []
    try:
        # TimeoutError is an OSError: who says nothing is treated like who cannot be spoken with.
        with gevent.Timeout(PATIENCE, TimeoutError("it does not say who it is")):
            line.connect(path)  # where its queue is full, this tries again and again
            orphanage.orphans.append(_hear(channel_to_worker(line), path, _peer(line), heard))
    except ConnectionRefusedError:
        line.close()
        remove(path)  # it has ended
    except (OSError, ChannelError) as error:
        log.warning("event=orphan_lost rendezvous=%r reason=%r", path, str(error))
        # What it had sent before it fell silent is ours already. Left out, these sockets would stay open in this
        # process, chosen by the kernel and accepted on by nobody.
        orphanage.seized += heard + _end_whoever_listens(line, path)


def _hear(channel: Channel[FromWorker], path: str, pid: int, sockets: list[Held]) -> Orphan:
    while True:
        found, descriptors = channel.receive()
        if not isinstance(found, Found):
            raise ChannelError(f"it said {found} where its name was due")
        # Before anything is taken of it: the slots that it names decide how many there are.
        if not _believable(found, pid, slot_of(path)):
            for descriptor in descriptors:
                os.close(descriptor)
            raise ChannelError(f"it says that it is {found.pid} in slot {found.slot}")
        for name, descriptor in zip(found.listeners, descriptors, strict=True):
            sockets.append(Held(name.address, found.slot if name.lent_by is None else name.lent_by, descriptor))
        if found.last:
            break
    log.info("event=orphan_found slot=%d pid=%d revision=%d version=%r", found.slot, found.pid, found.revision, found.version)
    if found.schema != SCHEMA:
        log.warning("event=orphan_of_other_schema slot=%d pid=%d schema=%d", found.slot, found.pid, found.schema)
        # The one word that workers of every version know: they drain. Its sockets have come, so nobody is lost with it.
        # The pid is the one that the kernel has named.
        os.kill(found.pid, signal.SIGTERM)
    return Orphan(found, sockets, channel, path)


def _believable(found: Found, pid: int, slot: int) -> bool:
    # Pid and slot we know from the kernel and from ourselves: a worker is not to choose whom we kill, nor how many slots there are.
    lenders = (name.lent_by for name in found.listeners if name.lent_by is not None)
    return (found.pid, found.slot) == (pid, slot) and all(0 <= lender < MOST for lender in lenders)


def _of_workers(settings: Settings) -> Settings:
    """The settings without what is the master's alone."""
    # Another address for the page of figures is no reason to replace workers that have never heard of it.
    return msgspec.structs.replace(settings, journal="", workers=0, metrics=Metrics())


def _end_whoever_listens(line: socket.socket, path: str) -> list[Held]:
    seized: list[Held] = []
    with line:
        pid = _peer(line)
    # The kernel says who listens there, however long he has been silent; it says 0 where this end was never connected,
    # as to a queue that is full. Then nothing can be done.
    if pid > 0:
        known: dict[str, int] = {}
        # Before it is killed: a queue is reset with the last descriptor of its socket.
        for address, descriptor in seize(pid, path):
            own = known.setdefault(address, descriptor) == descriptor
            seized.append(Held(address, slot_of(path) if own else None, descriptor))  # of two the other one was lent, who knows by whom
        log.warning("event=orphan_killed pid=%d sockets_seized=%d", pid, len(seized))
        with suppress(ProcessLookupError):  # it has just ended
            orphan = Process(pid)
            orphan.kill()
            # Not for ever: SIGKILL waits as well, where the kernel holds a process in a system call.
            orphan.ended.wait(PATIENCE)
    return seized


def _peer(line: socket.socket) -> int:
    """Who began to listen there: his pid; 0 where there is none."""
    pid, _, _ = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return int(pid)


def take_in(orphanage: Orphanage, slots: Slots, settings: Settings, state: ConfigState) -> None:
    """Let them go on in their slots; those that do not fit are replaced once the slots are kept filled."""
    for orphan in orphanage.orphans:
        # One of another schema drains already. Its sockets are adopted like all others, and its slot is filled anew.
        if orphan.understood:
            try:
                worker = orphan.worker()
            except ProcessLookupError:
                log.warning("event=orphan_ended slot=%d pid=%d", orphan.slot, orphan.found.pid)
                continue
            _take_in(orphan, worker, slots, orphan.objection(settings, state))


def _take_in(orphan: Orphan, worker: Worker, slots: Slots, objection: str) -> None:
    slots.take_on(worker)
    for slot in {held.slot for held in orphan.sockets if held.slot is not None} - {orphan.slot}:
        slots.go_on_lending(slot, worker)
    if objection:
        # Last, because to replace somebody means nothing before `take_on` has
        # put him into his slot. The slot's keeper finds it when it starts.
        worker.replace(objection)
