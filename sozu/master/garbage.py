"""The master and Python's collector: off while a large state is built, then spared all that lives long.

With 10,000 clusters one full collection takes a tenth of a second, in which nobody is supervised; and a start has dozens of them.
The C library keeps what a large change took for the next one; a while afterwards it is asked to give it back.
"""

import ctypes
import gc
from typing import Final

import gevent

THRESHOLDS: Final = (50_000, 50, 100)  # what a request leaves behind is freed by its counts alone


LARGE: Final = 5000  # facts that come or go at once
CALM: Final = 1.0  # seconds: by then those who asked for it have their answers


def hold() -> None:
    """Collect nothing until `settle`."""
    gc.disable()


def settle() -> None:
    """Everything that lives long is there."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    gc.enable()


def give_back() -> None:
    """In a while: a large change is over."""
    gevent.spawn_later(CALM, _give_back)


def _give_back() -> None:
    gc.freeze()  # what it has left lives long as well
    getattr(ctypes.CDLL(None), "malloc_trim", int)(0)
