"""What the master knows and what it asks of its workers: for `status`, `list_workers`, `metrics` and the Prometheus page."""

from dataclasses import dataclass
import os
from time import monotonic
from typing import Any

from sozu import __version__
from sozu.command.answers import Status
from sozu.command.facts import Listener
from sozu.command.settings import Settings
from sozu.command.state import digest
from sozu.command.worker_protocol import AskDigest, AskMetrics, AskStatus
from sozu.master.ledger import Ledger
from sozu.master.metrics.counted import MasterFigures, Snapshots
from sozu.master.workers.gathering import Gathering
from sozu.master.workers.link import Question
from sozu.master.workers.roster import Roster, Worker, WorkerState
from sozu.master.workers.slot import Slot
from sozu.master.workers.slots import Slots

PATIENCE = 1.0  # seconds; a worker that is later is shown without its figures


@dataclass(frozen=True, slots=True)
class Figures:
    """Where the figures come from, and where Prometheus gets them. `settings` are those of the start, `started` is monotonic."""

    settings: Settings
    ledger: Ledger
    slots: Slots
    roster: Roster
    prometheus: str | None
    started: float

    def status(self) -> dict[str, Any]:
        """The whole picture, as `sozu status --json` prints it."""
        return {
            "pid": os.getpid(),
            "version": __version__,
            "revision": self.ledger.state.revision,
            "uptime": round(monotonic() - self.started, 3),
            "prometheus": self.prometheus,
            "settings": self.settings,
            "overrides": self.ledger.state.override,
            "listeners": [_listener(each) for each in self.ledger.state.listeners.values()],
            "workers": self.workers(),
        }

    def workers(self) -> list[dict[str, Any]]:
        """One row for each slot, then one for each worker that drains: id, pid, state, fills, and its own figures."""
        told = self._ask(lambda number: [AskStatus(id=number)])
        draining = [worker for worker in self.roster if worker.state is WorkerState.DRAINING]
        own = {slot.worker for slot in self.slots}
        return [
            *(_slot_row(slot, told) for slot in self.slots),
            # One that drains has left its slot, and who follows an upgrade wants to see it go. At a stop all drain
            # where they are, and have their rows already.
            *(_worker_row(worker, told) for worker in draining if worker not in own),
        ]

    def digests(self) -> dict[str, Any]:
        """`digest`: that of the state; `digests`: those of the workers by slot, which are the same when all have followed."""
        told = self._ask(lambda number: [AskDigest(id=number)])
        # Not those that drain: nobody waits for them to follow, and their number is their successor's too.
        digests = {str(worker.slot): reply["digest"] for worker, reply in told.items() if worker.state is not WorkerState.DRAINING}
        return {"digest": digest(self.ledger.state), "digests": digests}

    def metrics(self) -> dict[str, Any]:
        """`workers`: the counters of each worker by its slot; `total`: their sums (a worker that ended takes its own along)."""
        told = self._ask(lambda number: [AskMetrics(id=number)])
        # By the slot's number, which one that drains shares with its
        # successor: of the two, one would stand in the other's place.
        counters = {str(worker.slot): figures for worker, figures in told.items() if worker.state is not WorkerState.DRAINING}
        return {"workers": counters, "total": total(list(counters.values()))}

    def read(self) -> tuple[MasterFigures, Snapshots]:
        """For Prometheus and statsd: our own figures, and those of each worker."""
        workers = self.metrics()["workers"]
        return self._of_master(), workers

    def _of_master(self) -> MasterFigures:
        running = [slot for slot in self.slots if not slot.vacant]
        fills = {str(slot.number): slot.fills for slot in self.slots}
        return MasterFigures(self.ledger.state.revision, len(running), fills, self.ledger.state.certificates.values())

    def _ask(self, question: Question) -> dict[Worker, dict[str, Any]]:
        gathering = Gathering(PATIENCE)
        for worker in self.roster:
            # One that starts would answer only after it has read the whole state, and hold up everybody's figures until
            # the deadline.
            if worker.state is not WorkerState.STARTING:
                gathering.ask(worker, question)
        # Who did not answer is left out, and not shown with zeros: a counter that falls to 0 means a restart to whoever
        # computes rates.
        return {worker: reply.data for worker, reply in gathering.replies() if reply.status is Status.OK}


def total(counters: list[Any]) -> Any:
    """Add up figures of one shape: numbers are added, mappings and lists element by element; `bounds` stay as they are."""
    match counters:
        case [dict(), *_]:
            # Of all of them, not of the first: between two steps of an
            # upgrade, workers of two versions tell different figures.
            names = dict.fromkeys(name for each in counters for name in each)
            return {name: _total_of(name, [each[name] for each in counters if name in each]) for name in names}
        case [list(), *_]:
            # Strict: histograms of different buckets cannot be added, and
            # to cut the longer one would show a wrong sum as a right one.
            return [total(list(column)) for column in zip(*counters, strict=True)]
        case []:
            return {}
        case _:
            return sum(counters)


def _total_of(name: str, values: list[Any]) -> Any:
    return values[0] if name == "bounds" else total(values)


def _slot_row(slot: Slot, told: dict[Worker, dict[str, Any]]) -> dict[str, Any]:
    row: dict[str, Any] = {"id": slot.number, "fills": slot.fills}
    # A slot is permanent, so the row stays: that one is empty is what whoever looks is looking for.
    if slot.worker is None or slot.vacant:
        return {**row, "pid": None, "state": WorkerState.STARTING if slot.filling else WorkerState.BACKING_OFF}
    return {**row, **_worker_row(slot.worker, told)}


def _worker_row(worker: Worker, told: dict[Worker, dict[str, Any]]) -> dict[str, Any]:
    up = round(monotonic() - worker.since, 3)
    row = {"id": worker.slot, "pid": worker.process.pid, "state": worker.state, "version": worker.version, "for": up}
    return {**row, **told.get(worker, {})}


def _listener(listener: Listener) -> dict[str, Any]:
    return {"protocol": listener.protocol.value, "address": listener.address, "active": listener.active}
