"""What the worker does about its memory: what a crowd has left behind goes back to the system, what a large change has built is spared Python's collector.

glibc keeps what is freed in the middle of its heap, and the last clients of a crowd are always somewhere above: after 500 clients that never
read, 5 MB stayed for good. `malloc_trim` gives whole free pages back. It takes 0.1 ms in general and 20 ms for 300 MB, so it is asked when a crowd has
gone, not by the clock. So it is when a large part of the configuration has: then Python's collector is asked too, whose lists of spare objects keep the
heap in pieces; what is left takes it a few milliseconds. Where the C library has no such call nothing happens.

Ten thousand orders make a hundred thousand objects that live long, and a look at each of them whether it is garbage takes 10 to 20 ms in which nobody is
served. So while they are made nobody looks; then they are set apart, as what was there at the start is. What goes of it later is freed by its counts.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import ctypes
import gc
from typing import Final

from sozu.command.remembering import forget
from sozu.proxy.counters import Counters

MANY: Final = 5000  # facts
MANY_ORDERS: Final = 500
CROWD: Final = 100  # connections and exchanges: fewer leave nothing to speak of

Trim = Callable[[int], object]


class Heap:
    """Trims whenever half of those who were there at once have gone. `look` is called by the worker's tick."""

    def __init__(self, counters: Counters, trim: Trim) -> None:
        self._counters = counters
        self._trim = trim
        self._most = 0  # since the last time

    def look(self) -> None:
        """Has a crowd gone?"""
        there = self._counters.connections_open + self._counters.exchanges_open
        # Exchanges count beside connections, which stay when a burst of requests on them is over and has left as much behind.
        if there > self._most:
            self._most = there
        # Measured from the highest since the last trim: a crowd that goes slowly, ten a tick, is a crowd as well.
        elif self._most - there >= max(CROWD, self._most // 2):
            self._most = there
            self._trim(0)

    @contextmanager
    def spare(self, orders: int) -> Iterator[None]:
        """A change of so many orders is carried out in this block."""
        # At the start the collector is off until the first state is there (process.py), and stays so.
        if orders < MANY_ORDERS or not gc.isenabled():
            yield
            return
        gc.disable()
        try:
            yield
        finally:
            # Before it is turned on, or its first look would be at all that was made meanwhile.
            # What was garbage in a cycle stays for good by this: the price of no pause.
            gc.freeze()
            gc.enable()

    def shrunk(self, facts: int, pack: Callable[[], object]) -> None:
        """So many facts have gone at once. `pack` makes anew what stays: last, so that it comes where other things are."""
        if facts >= MANY:
            # What was remembered goes first, since it holds what has gone; then cycles; then
            # what stays is copied together, so that whole pages become free for the last call.
            forget()
            gc.collect()
            pack()
            self._trim(0)


def malloc_trim() -> Trim:
    """The C library's, or one that does nothing."""
    # musl has none; `int` takes a number and does nothing.
    trim: Trim = getattr(ctypes.CDLL(None), "malloc_trim", int)
    return trim
