"""The workers that live now. The ledger publishes to all of them, whatever their state: so none ever misses a transaction."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from time import monotonic

from sozu.master.workers.link import WorkerLink
from sozu.master.workers.process import Process


class WorkerState(StrEnum):
    """Where a worker stands; a slot whose worker has crashed is `backing_off` until the next one starts."""

    STARTING = "starting"
    RUNNING = "running"
    DRAINING = "draining"
    BACKING_OFF = "backing_off"


@dataclass(slots=True, eq=False)
class Worker:
    """A process that fills, will fill or has filled a slot."""

    slot: int
    process: Process
    link: WorkerLink
    replace: Callable[[str], object] = lambda _: None  # asks for a newcomer in its place, for this reason; does nothing the second time
    state: WorkerState = WorkerState.STARTING
    since: float = field(default_factory=monotonic)
    version: str = ""  # of its code
    hung: bool = False  # it does not answer, and nobody waits for it for long
    rendezvous: str = ""  # the path where the next master would find it
    leave_by: float | None = None  # when it is killed if it has not gone (monotonic seconds); None unless it drains

    def now(self, state: WorkerState) -> None:
        """Enter a state; `since` is when it did (monotonic seconds)."""
        self.state, self.since = state, monotonic()

    @property
    def able(self) -> bool:
        """Does it serve, as far as we know?"""
        # The state alone does not tell: nobody changes that of a worker that has ended.
        return self.state is WorkerState.RUNNING and not self.hung and not self.process.ended.is_set()

    @property
    def name(self) -> str:
        """How messages call it."""
        return f"worker {self.slot} (pid {self.process.pid})"


class Roster:
    """Who hears transactions: a worker joins in the instant in which it is told the state, and leaves when it has ended."""

    def __init__(self) -> None:
        self._workers: list[Worker] = []

    def __iter__(self) -> Iterator[Worker]:
        # A copy: who goes through it may let others run, and a worker may end meanwhile.
        return iter(tuple(self._workers))

    def join(self, worker: Worker) -> None:
        """From now on it is told each transaction."""
        self._workers.append(worker)

    def leave(self, worker: Worker) -> None:
        """It has ended, or never came to be."""
        if worker in self._workers:
            self._workers.remove(worker)
