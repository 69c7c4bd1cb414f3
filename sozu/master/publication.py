"""One committed transaction on its way to the workers, followed to its end whether or not the tool that sent it still listens.

After the fsync nothing can fail, a worker can only be late; and late means replaced by one that starts from the new state.
"""

from collections.abc import Iterator, Sequence

import gevent
from gevent.queue import Queue
import msgspec

from sozu.command.answers import Status
from sozu.command.channel import parts
from sozu.command.draft import Change
from sozu.command.orders import AnyOrder
from sozu.command.state import BackendKey
from sozu.command.worker_protocol import Publish, Reply
from sozu.master.workers.gathering import Gathering
from sozu.master.workers.roster import Worker, WorkerState

AT_ONCE = 32_768  # bytes of orders in one message: a worker decodes it in a fraction of a millisecond, between two requests
PATIENCE = 5.0  # seconds in which a worker confirms a transaction,
PATIENCE_PER_ORDER = 0.001  # and so much more for each of its orders


class _Confirmation(msgspec.Struct, frozen=True):
    """What is read of the data of a reply (Publish)."""

    running: tuple[BackendKey, ...] = ()


class Publication:
    """A transaction with its revision; iterate over it for the workers' replies, then read `late` and `confirmed`."""

    def __init__(self, revision: int, orders: Sequence[AnyOrder], effects: Sequence[Change]) -> None:
        self.revision, self.orders, self.effects = revision, orders, effects
        self.late: list[Worker] = []
        self.confirmed = 0
        self.running = set[BackendKey]()  # of the backends that it removes, those that still have exchanges on some worker
        # One time for all workers, from now on: however many are late, a tool waits for that long at most.
        self._gathering = Gathering(PATIENCE + PATIENCE_PER_ORDER * len(orders))
        self._leaving: list[Worker] = []  # who is not waited for
        self._unheard: list[Worker] = []  # who was to confirm it, and has not said its final word
        # Without a bound: `follow` goes on whether or not somebody reads, and there are no more items than replies.
        self._news: Queue[tuple[Worker, Reply] | None] = Queue()
        # Cut once for all workers: to cut means to encode each order to know its length.
        self._parts = list(parts(orders, AT_ONCE))

    def send(self, worker: Worker, obstacle: str = "") -> None:
        """Publish to one worker, which is replaced where there is an obstacle to what it should do. Never waits."""
        leaving = worker.state is WorkerState.DRAINING
        if obstacle and not leaving:
            self._fail(worker, obstacle)
        # A worker that drains should know, for the sessions it still has; but it may hang, and takes no new ones: not waited for.
        if leaving or obstacle:
            Gathering(None).ask(worker, self._messages)
            self._leaving.append(worker)
        else:
            self._unheard.append(worker)
            self._gathering.ask(worker, self._messages)

    def follow(self) -> None:
        """Take the replies until all have confirmed or the time is over, and have the late ones replaced."""
        for worker, reply in self._gathering.replies():
            if reply.status.final:
                self._unheard.remove(worker)
            if reply.status is Status.ERROR:
                # A worker that refuses what the master could carry out with the same function holds another state than
                # we think: only one that begins from the new state is sure to have it.
                self._fail(worker, f"revision {self.revision} failed: {reply.message}")
            elif reply.status is Status.OK:
                self._confirm(worker, reply)
            self._news.put((worker, reply))
        for worker in filter(self._is_late, self._unheard):
            self._fail(worker, f"it had not confirmed revision {self.revision} in time")
        # Last: whoever iterates reads `late` and `confirmed` as soon as the iteration ends.
        self._news.put(None)

    def await_the_deaf(self) -> None:
        """Wait until those are gone who have not heard of it and still listen where it says that nobody does."""
        # The end of the process is waited for, and not its reply: one that
        # hangs may wake up, and would accept there for as long as it lives.
        gevent.wait([worker.process.ended for worker in (*self.late, *(each for each in self._leaving if each.hung))])

    def __iter__(self) -> Iterator[tuple[Worker, Reply]]:
        return iter(self._news.get, None)

    def _confirm(self, worker: Worker, reply: Reply) -> None:
        # They come with the confirmation, so that whoever waits for removed backends has to ask about these few
        # only. Idle ones have drained as soon as all have confirmed.
        try:
            self.running.update(msgspec.convert(reply.data or {}, _Confirmation).running)
        # Whoever has taken a worker over may say anything: that costs him the worker, and not us those who wait for an answer.
        except msgspec.ValidationError as error:
            self._fail(worker, f"its confirmation of revision {self.revision} makes no sense: {error}")
        else:
            self.confirmed += 1

    def _is_late(self, worker: Worker) -> bool:
        # One that is starting has this transaction in its queue. One that has ended has a successor with it; but who hung until it was
        # replaced, and killed perhaps, has served on without it for so long.
        return worker.state is not WorkerState.STARTING and (worker.hung or worker in self._gathering.late)

    def _fail(self, worker: Worker, reason: str) -> None:
        self.late.append(worker)
        worker.replace(reason)

    def _messages(self, number: int) -> Iterator[Publish]:
        for some in self._parts[:-1]:
            yield Publish(id=number, revision=self.revision, orders=some, last=False)
        yield Publish(id=number, revision=self.revision, orders=self._parts[-1])
