"""Where requests land: memory that outlives the process, so that the master can read what came last when it has died or hangs.

To receive into it and take out a copy costs what receiving into new memory costs. The next request overwrites it; the first byte is NUL while nobody is served.
"""

from mmap import mmap
import os
from typing import Final

from sozu.proxy.counters import Counters

SIZE: Final = 16384
WITNESS: Final = os.memfd_create("sozu-landing")
os.ftruncate(WITNESS, SIZE)
LANDED: Final = mmap(WITNESS, SIZE)


def forget_if_idle(counters: Counters) -> None:
    """A worker that serves nobody has nothing to tell."""
    if not counters.exchanges_open:
        LANDED[0] = 0
