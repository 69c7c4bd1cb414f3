"""Everything that a master leaves to the one that follows it in the same process: facts, descriptors, unread bytes.

It goes as JSON through a memory file whose descriptor the next program is told, since arguments and environment have limits.
Unknown fields are ignored and new ones have defaults, so that code of another version can read it; SCHEMA names the language.
"""

from collections.abc import Collection, Iterator, Mapping
from functools import partial
import os
from secrets import token_hex
from signal import Signals
from typing import Final

import msgspec

from sozu.command.certificates.sealing import SIZE
from sozu.command.events import Event
from sozu.command.settings import Settings
from sozu.command.state import BackendKey, FrontendKey
from sozu.master.tools.tool import CarriedTool
from sozu.master.workers.roster import WorkerState

# A master that leaves an estate of a higher one is not followed: our trial says so, before anything depends on it.
SCHEMA: Final = 1


class Belongings(msgspec.Struct, frozen=True, kw_only=True):
    """What must live as long as the proxy: descriptors whose end somebody waits for, folders to be removed in the end."""

    cords: tuple[int, ...] = ()
    folders: tuple[str, ...] = ()


class WorkerLeft(msgspec.Struct, frozen=True, kw_only=True):
    """A worker that goes on serving, and its channel. `since` is when it entered its state, `leave_by` when it is killed (monotonic seconds)."""

    slot: int
    pid: int
    state: WorkerState
    # Of CLOCK_MONOTONIC, which is the machine's and goes on through
    # an exec: a deadline of the one program is one of the next.
    since: float
    leave_by: float | None
    channel: int
    unread: bytes
    next_id: int
    rendezvous: str = ""
    version: str = ""


class SlotLeft(msgspec.Struct, frozen=True, kw_only=True):
    """A slot, how often it was filled, and the pid of the worker that accepts for it while it is empty."""

    number: int
    fills: int
    lent_to: int | None = None


class Estate(msgspec.Struct, frozen=True, kw_only=True):
    """See the module. `listeners` has a descriptor for each address and slot, `grace` is what replaced workers are given."""

    schema: int = SCHEMA
    version: str
    settings: Settings
    started: float
    journal: int
    door: int
    log: int | None
    metrics: int | None
    listeners: dict[str, list[int]]
    slots: list[SlotLeft]
    workers: list[WorkerLeft]
    departed: list[BackendKey]
    tools: list[CarriedTool]
    signals: list[Signals]
    events: list[Event] = []
    belongings: Belongings
    grace: float
    ticket_secret: str = msgspec.field(default_factory=partial(token_hex, SIZE))  # as in Opened: an older one may have left none
    ticket_period: int = 0
    rates: int | None = None
    restaff: bool = False  # an order has changed how many workers there should be, and nobody has seen to it yet
    disordered: list[str] | None = None  # addresses of listeners, see ListenerSockets; an older one may not know
    departed_frontends: list[FrontendKey] = []  # an older one left backends only
    departed_listeners: list[str] = []
    departed_clusters: list[str] = []

    def descriptors(self) -> Iterator[int]:
        """All of them: what must stay open."""
        # What is not named here is closed by the exec, since Python opens everything close-on-exec (PEP 446).
        yield from (self.journal, self.door)
        yield from (each for each in (self.log, self.metrics, self.rates) if each is not None)
        yield from (each for opened in self.listeners.values() for each in opened)
        yield from (each.channel for each in self.workers)
        yield from (each.descriptor for each in self.tools)
        yield from self.belongings.cords


PARTS: Final = (Estate, WorkerLeft, SlotLeft, CarriedTool, Belongings)


def names_left() -> dict[str, tuple[str, ...]]:
    """What our estates tell: the names of the fields of each part."""
    return {part.__name__: part.__struct_fields__ for part in PARTS}


def missing(left: Mapping[str, Collection[str]]) -> list[str]:
    """What we could not do without, and an estate of such parts would not have."""
    # Asked of the fields themselves, and of no list beside them: whoever adds one without a default has the trial object
    # to each older master, which does not leave it.
    wanted = [(part.__name__, field.name) for part in PARTS for field in msgspec.structs.fields(part) if field.required]
    return [f"{part}.{name}" for part, name in wanted if name not in left.get(part, ())]


def write_estate(estate: Estate) -> int:
    """Put it into a memory file; the descriptor."""
    # In memory and not on a disk: the tickets' secret is in it, and
    # the keys of certificates in transactions that are still open.
    descriptor = os.memfd_create("sozu-estate", 0)
    # A duplicate, because the file object closes what it was given. Both
    # have one position, so that the reader has to go back to the beginning.
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(msgspec.json.encode(estate))
    return descriptor


def read_estate(descriptor: int) -> Estate:
    """Read what another program has written, and close the file. From here on no program that we start inherits any of it."""
    with os.fdopen(descriptor, "rb") as file:
        file.seek(0)
        estate = msgspec.json.decode(file.read(), type=Estate)
    for each in estate.descriptors():
        os.set_inheritable(each, False)
    return estate
