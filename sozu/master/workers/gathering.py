"""One question to many workers, and one deadline: replies come as they come, a worker that goes is not waited for.

Ask with `ask`, then iterate over `replies`; afterwards `late` names those that had not said their final word by the deadline.
Those that ended meanwhile are not among them: a successor starts from the state, so it needs no question.
"""

from collections.abc import Iterator, Sequence
import socket
from time import monotonic

from gevent.queue import Empty, Queue

from sozu.command.worker_protocol import Reply
from sozu.master.workers.link import Question, WorkerLink
from sozu.master.workers.roster import Worker


class Gathering:
    """The replies to one question. `patience` is in seconds from now; None waits for ever."""

    def __init__(self, patience: float | None) -> None:
        # A moment and not a time to count down: each reply would else give the others as long again.
        self._deadline = None if patience is None else monotonic() + patience
        # Without a bound: `hear` is called by the reader of a channel, which must wait for nobody.
        self._heard: Queue[tuple[WorkerLink, Reply | None]] = Queue()
        self._waiting: dict[WorkerLink, Worker] = {}

    @property
    def late(self) -> list[Worker]:
        """Who has not said its final word yet."""
        return list(self._waiting.values())

    def ask(self, worker: Worker, question: Question, files: Sequence[socket.socket | int] = ()) -> None:
        """Ask one more worker. Never waits."""
        self._waiting[worker.link] = worker
        worker.link.ask(question, self, files)

    def hear(self, link: WorkerLink, reply: Reply | None) -> None:
        """Take a reply from a link."""
        self._heard.put((link, reply))

    def replies(self) -> Iterator[tuple[Worker, Reply]]:
        """Every reply until all have said their final word or have gone, or until the deadline."""
        return ((worker, reply) for worker, reply in self.words() if reply is not None)

    def words(self) -> Iterator[tuple[Worker, Reply | None]]:
        """The same, and None for each that goes without a final word."""
        while self._waiting:
            try:
                link, reply = self._heard.get(timeout=self._left())
            except Empty:
                return
            worker = self._waiting[link]
            if reply is None or reply.status.final:
                del self._waiting[link]
            yield worker, reply

    def _left(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - monotonic())
