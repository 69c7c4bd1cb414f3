"""Verbs that change nothing: the status, the state, the figures, the past."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import time
from typing import Any
from weakref import WeakValueDictionary

from sozu.command.channel import parts
from sozu.command.journal import JournalError, Record, saved
from sozu.command.orders import AnyOrder, without_key
from sozu.command.requests import DumpState, Explain, ListWorkers, Log, Metrics, SaveState, Status, SubscribeEvents
from sozu.command.state import ConfigState, orders_of
from sozu.master.aside import Aside
from sozu.master.author import Author
from sozu.master.history import History, NoSuchRevision
from sozu.master.ledger import Ledger
from sozu.master.metrics.figures import Figures
from sozu.master.news.events import Events
from sozu.master.tools.explaining import Explaining
from sozu.master.tools.tool import Declined, Final, Say, Tool
from sozu.master.tools.words import plural

Look = Status | ListWorkers | Metrics | DumpState | SaveState | Log | Explain | SubscribeEvents
# Both keep an answer within a frame: a revision may hold ten thousand orders.
ROWS = 100  # of the log in one answer
SHOWN = 10  # orders of a revision in a row of the log


# A class because a list cannot be referred to weakly.
@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Dump:
    """What is told of a state, in portions for one answer each."""

    portions: list[tuple[AnyOrder, ...]]


@dataclass(frozen=True, slots=True)
class Looking:
    """Where there is something to see."""

    ledger: Ledger
    history: History
    figures: Figures
    events: Events
    explaining: Explaining
    aside: Aside
    # By revision, as long as they are told: a thousand who ask at a time, and read slowly, cost the memory of one.
    dumps: WeakValueDictionary[int, Dump] = field(default_factory=WeakValueDictionary)

    def answer(self, request: Look, tool: Tool, say: Say) -> Final:
        """What is asked for. Raises Declined."""
        match request:
            case Status(digest=True):
                return Final("", {**self.figures.status(), **self.figures.digests()})
            case Status():
                return Final("", self.figures.status())
            case ListWorkers():
                return Final("", self.figures.workers())
            case Metrics():
                return Final("", self.figures.metrics())
            case DumpState():
                return self._dump(say)
            case SaveState(path=path):
                return self._save(Path(path), tool.author)
            case Log():
                return self._log(request, say)
            case Explain():
                return self.explaining.answer(request)
            case SubscribeEvents():
                return self._tell_events(request, say)

    def _tell_events(self, request: SubscribeEvents, say: Say) -> Final:
        since = self.events.last if request.since is None else request.since
        if not 0 <= since <= self.events.last:
            raise Declined(f"since: there is no event {since}; the last one is {self.events.last} (numbers begin at 1 with each start)", {"code": "no-such-event"})
        # Said, and not passed over: a program that keeps up by
        # events has to know when it must look at the state instead.
        if since + 1 < self.events.first:
            say(f"events {since + 1} to {self.events.first - 1} are not known any more", {"missed": self.events.first - 1 - since})
        told = self.events.follow(since) if request.follow else [self.events.after(since)]
        for some in told:
            for event in some:
                say(event.message, event)
        return Final(f"the last event is {self.events.last}", {"last": self.events.last})

    def _dump(self, say: Say) -> Final:
        state = self.ledger.state
        # As long as this greenlet holds it, whoever else asks for the same revision finds it in `dumps`.
        dump = self.aside.call(_shown, state, self.dumps)
        *some, last = dump.portions
        for orders in some:
            say("", _dumped(state.revision, orders))
        return Final(f"revision {state.revision}", _dumped(state.revision, last))

    def _save(self, path: Path, author: Author) -> Final:
        if not path.is_absolute():
            raise Declined(f"path: {path} is not absolute, and the master's folder is not yours; nothing was written", {"code": "not-absolute"})
        state = self.ledger.state
        try:
            self.aside.call(saved.save, path, _whole(state, author))
        except OSError as why:
            raise Declined(f"{path} was not written: {why.strerror or why}", {"code": "not-written"}) from why
        except JournalError as doubt:
            raise Declined(str(doubt), {"code": "not-written"}) from doubt
        return Final(f"revision {state.revision} is in {path}", {"revision": state.revision, "path": str(path)})

    def _log(self, request: Log, say: Say) -> Final:
        try:
            records = self.history.records(self.ledger.state.revision)
            if request.revision is not None:
                return _one(_of_revision(records, request.revision), say)
        except (JournalError, NoSuchRevision) as why:
            raise Declined(str(why), {"code": "no-such-revision" if isinstance(why, NoSuchRevision) else "damaged"}) from why
        # A slice from -0 on would be all of them.
        rows = [_row(record) for record in records[-request.last :]] if request.last > 0 else []
        for start in range(0, len(rows), ROWS):
            say("", {"revisions": rows[start : start + ROWS]})
        return Final(f"{len(rows)} {plural(len(rows), 'revision')}", {"revision": self.ledger.state.revision})


def _whole(state: ConfigState, author: Author) -> Record:
    return Record(
        revision=state.revision,
        when=time(),
        uid=author.uid,
        pid=author.pid,
        command=author.command,
        orders=tuple(orders_of(state)),
        # It builds its state from nothing, so the file can be loaded without the revisions that led there.
        base=True,
    )


def _shown(state: ConfigState, told: WeakValueDictionary[int, Dump]) -> Dump:
    # In the thread, where one call waits for the other: of two who ask
    # at the same time, the second finds what the first one has made.
    dump = told.get(state.revision)
    if dump is None:
        dump = told[state.revision] = Dump(list(parts(without_key(order) for order in orders_of(state))))
    return dump


def _dumped(revision: int, orders: Sequence[AnyOrder]) -> dict[str, Any]:
    return {"revision": revision, "orders": orders}


def _of_revision(records: Sequence[Record], revision: int) -> Record:
    for record in records:
        if record.revision == revision:
            return record
    raise NoSuchRevision(f"the journal does not tell what revision {revision} was")


def _one(record: Record, say: Say) -> Final:
    # Private keys stay in the journal, and in saved states: what is read on a screen is soon pasted somewhere.
    *some, last = parts(map(without_key, record.orders))
    for orders in some:
        say("", _dumped(record.revision, orders))
    return Final(f"revision {record.revision}", {**_row(record), "orders": last})


def _row(record: Record) -> dict[str, Any]:
    return {**dict(_said(record)), "count": len(record.orders), "orders": tuple(map(without_key, record.orders[:SHOWN]))}


def _said(record: Record) -> Iterator[tuple[str, Any]]:
    for name in ("revision", "when", "uid", "pid", "command", "base", "from_file"):
        yield name, getattr(record, name)
