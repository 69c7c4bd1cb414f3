"""The master and Python's collector: off while a large state is built, then spared all that lives long.

With 10,000 clusters one full collection takes a tenth of a second, in which nobody is supervised; and a start has dozens of them.
The C library keeps what a large change took for the next one; a while afterwards it is asked to give it back.
"""

from collections.abc import Callable
import ctypes
import gc
from typing import Final
from weakref import finalize

import gevent

from sozu.command.remembering import forget

THRESHOLDS: Final = (50_000, 50, 100)  # what a request leaves behind is freed by its counts alone


_M_ARENA_MAX: Final = -8  # mallopt(3)
LARGE: Final = 5000  # facts that come or go at once
CALM: Final = 1.0  # seconds: by then those who asked for it have their answers


def hold() -> None:
    """Collect nothing until `settle`."""
    # The C library would have a heap for each of our threads, and never gives back the end of any but the first. Only one of them runs at a time as it is.
    # Where the C library is musl, as in some small containers, there is neither this nor malloc_trim: then nothing is
    # done, instead of failing at the start.
    getattr(ctypes.CDLL(None), "mallopt", lambda *_: 0)(_M_ARENA_MAX, 1)
    gc.disable()


def settle() -> None:
    """Everything that lives long is there."""
    # Before the freeze: garbage that is frozen with the rest would be kept until the process ends.
    gc.collect()
    # Whatever is there now goes where no collection looks any more, so that each of those to come costs what has come
    # since, however large the configuration is.
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    gc.enable()


def give_back_after(change: object, pack: Callable[[], object]) -> None:
    """In a while after nobody has to do with this large change any more. `pack` makes anew what lives long: last, so that it comes where other things are."""
    # Nothing can be given back while somebody still holds the change: the tool that asked for
    # it, whose answer may be under way. finalize calls when the last one lets go, in whatever
    # greenlet that happens, hence a timer and nothing that could switch. `pack` must not know
    # the change, or nobody would ever let go of it. At the end of the process all goes anyway.
    finalize(change, gevent.spawn_later, CALM, _give_back, pack).atexit = False


def _give_back(pack: Callable[[], object]) -> None:
    forget()
    gc.freeze()  # what it has left lives long as well
    gc.collect()  # which lets go of Python's spare objects
    pack()
    getattr(ctypes.CDLL(None), "malloc_trim", int)(0)
