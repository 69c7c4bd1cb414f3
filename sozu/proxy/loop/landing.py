"""Where requests land: memory that outlives the process, so that the master can read what came last when it has died or hangs.

To receive into it and take out a copy costs what receiving into new memory costs. The next request overwrites it; the first byte is NUL while nobody is served.
"""

from mmap import mmap
import os
from typing import Final

from sozu.proxy.counters import Counters

# As much as a head may have (HEAD_LIMIT of the parsers), so that one which kills the worker is here as a whole.
SIZE: Final = 16384
# A memfd, because its pages live as long as the descriptor that the master holds of it, however the worker ended (SIGKILL, no memory);
# and because it has no name: cookies and passwords that came last are in no file that anybody could open.
WITNESS: Final = os.memfd_create("sozu-landing")
os.ftruncate(WITNESS, SIZE)
LANDED: Final = mmap(WITNESS, SIZE)


def forget_if_idle(counters: Counters) -> None:
    """A worker that serves nobody has nothing to tell."""
    if not counters.exchanges_open:
        # One byte and not all of them: this runs at every tick. No head can begin with NUL, since a method is a token (RFC 9110 section 5.6.2).
        LANDED[0] = 0
