"""One line for each exchange, written in batches by one thread, so that no disk or pipe ever holds up traffic.

`record` turns entries into lines and keeps them; a full batch, or a tick of the worker's timer, hands the batch to the thread. When the
target is slower than the traffic, or fails, lines are dropped and counted: a proxy that waits for its log is down.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
import os
from queue import SimpleQueue
import select
from threading import Thread

from sozu.command.settings import LogFormat
from sozu.proxy.access_log.json_lines import json_formatter
from sozu.proxy.access_log.ncsa_lines import combined_formatter, common_formatter
from sozu.proxy.counters import Counters
from sozu.proxy.entry import AnyEntry

_BATCH = 512  # lines: about 160 kB, one write; each batch costs a fight for the interpreter between two threads
_BACKLOG = 8  # batches: what a target that stands still may cost in memory, about 1.3 MB


@dataclass(slots=True)
class Batch:
    """So many lines, in pieces of some."""

    lines: int = 0
    pieces: list[bytes] = field(default_factory=list)


class NoLog:
    """No access log is configured."""

    def record(self, entries: Sequence[AnyEntry]) -> None:
        """Say nothing."""

    def flush(self) -> None:
        """Nothing is kept."""

    def reopen(self, descriptor: int) -> None:
        """Want none."""
        os.close(descriptor)

    def close(self, seconds: float) -> None:
        """Nothing is open."""


class AccessLog:
    """Lines to a descriptor, which this object owns from now on."""

    def __init__(self, descriptor: int, kind: LogFormat, counters: Counters, worker: int = 0) -> None:
        self._format = formatter_for(kind, worker)
        self._counters = counters
        self._batch = Batch()
        # Of the standard library: its `put` never waits, and the thread that waits in its `get` does so outside the interpreter. A queue of
        # gevent's belongs to one hub and may not be touched by another thread.
        self._queue: SimpleQueue[Batch | int | None] = SimpleQueue()
        self._writer = _Writer(descriptor, self._queue)
        self._writer.start()

    def record(self, entries: Sequence[AnyEntry]) -> None:
        """Keep the lines of these; every so many, pass them on."""
        batch = self._batch
        batch.pieces.append(self._format(entries))
        batch.lines += len(entries)
        # Not with each turn's lines: the thread that is woken wants the interpreter while the hub needs it.
        if batch.lines >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Pass on what there is; or drop it and count, when the thread is far behind. Never blocks."""
        batch, self._batch = self._batch, Batch()
        # Dropped on this side: the thread may hang in write(2) for as long as a pipe's reader likes.
        if self._queue.qsize() >= _BACKLOG:
            self._counters.log_lines_dropped += batch.lines
        elif batch.lines:
            self._queue.put(batch)
        # Here, since counters are written by the thread of the hub alone.
        self._counters.log_lines_dropped += self._writer.newly_lost()

    def reopen(self, descriptor: int) -> None:
        """Write to this descriptor what is recorded from now on, after what was recorded before (the log was rotated)."""
        self.flush()
        self._queue.put(descriptor)

    def close(self, seconds: float) -> None:
        """Write what there is, waiting this long at most: a blocked target must not keep a worker from ending."""
        self.flush()
        # Whatever the backlog: lines may be dropped, the end may not.
        self._queue.put(None)
        self._writer.join(seconds)


class _Writer(Thread):
    """The only place that blocks. It takes batches, new descriptors, and None as its end."""

    def __init__(self, descriptor: int, queue: "SimpleQueue[Batch | int | None]") -> None:
        # A daemon: should it hang in write(2), Python would otherwise wait for it at the end of the process.
        super().__init__(name="access log", daemon=True)
        self._descriptor = descriptor
        self._queue = queue
        self._lost = 0  # written by this thread alone
        self._told = 0  # written by the other alone: neither needs a lock

    def newly_lost(self) -> int:
        """How many lines failed since the last call, for the thread of the hub."""
        lost = self._lost
        news, self._told = lost - self._told, lost
        return news

    def run(self) -> None:
        while (item := self._queue.get()) is not None:
            if isinstance(item, int):
                # Here, in the thread that writes: closed by another one, its number could be somebody's new connection when the next line is written.
                os.close(self._descriptor)
                self._descriptor = item
            else:
                self._write(item)
        os.close(self._descriptor)

    def _write(self, batch: Batch) -> None:
        try:
            _write_all(self._descriptor, b"".join(batch.pieces))
        except OSError:  # no space, a broken pipe: it may pass, and the figure tells
            self._lost += batch.lines


def _write_all(descriptor: int, data: bytes) -> None:
    """Write all of it, also to a pipe that someone else made non-blocking. Raises OSError."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            # O_NONBLOCK belongs to the open file and not to a descriptor, so whoever shares a pipe with us may have set it.
            poll = select.poll()
            poll.register(descriptor, select.POLLOUT)
            poll.poll()


def formatter_for(kind: LogFormat, worker: int = 0) -> Callable[[Sequence[AnyEntry]], bytes]:
    """The function that makes the lines of some entries, in this format; `worker` is the slot of who writes them, which only JSON tells."""
    match kind:
        case LogFormat.JSON:
            return json_formatter(worker=worker)
        case LogFormat.COMMON:
            return common_formatter()
        case LogFormat.COMBINED:
            return combined_formatter()
