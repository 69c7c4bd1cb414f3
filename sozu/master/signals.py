"""Signals become items of one queue: nothing is done inside a handler, so nothing is re-entered.

libev's own watchers write to a pipe and call us from the loop; Python's handlers would run between any two byte codes.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from signal import Signals

from gevent import get_hub


@contextmanager
def caught(signals: Iterable[Signals], enqueue: Callable[[Signals], object]) -> Iterator[None]:
    """While the block runs, call `enqueue` from the loop for each of these signals; it must not switch greenlets."""
    # Without `ref=False` these alone would keep the loop waiting: a greenlet that waits for what can never happen would
    # stand still in silence, where gevent now raises LoopExit.
    watchers = [(get_hub().loop.signal(signum, ref=False), signum) for signum in signals]
    for watcher, signum in watchers:
        watcher.start(enqueue, signum)
    try:
        yield
    finally:
        for watcher, _ in watchers:
            watcher.stop()
            watcher.close()
