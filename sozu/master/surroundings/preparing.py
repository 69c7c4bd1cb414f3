"""What a master does to its own process before anything else."""

from importlib import import_module
import logging
import resource
import sys
from typing import Final

from setproctitle import setproctitle

from sozu.master import garbage
from sozu.master.aside import Aside

TURN: Final = 0.001  # seconds after which a thread that computes lets the loop go on
NOT_NEEDED_AT_FIRST: Final = "sozu.command.certificates.examining"  # and later there may be other code on the disk


def prepare_process(command_socket: str) -> None:
    """Hold the collector, have threads take short turns, begin a log, show who we are, have as many descriptors as are allowed, and leave no core."""
    # Before there is any thread: a heap that the C library has made for one already would stay.
    garbage.hold()
    sys.setswitchinterval(TURN)  # Python's 5 ms come for each step of a request, of which there are some
    logging.basicConfig(format="time=%(asctime)s level=%(levelname)s %(message)s", level=logging.INFO)
    # Several masters on one machine differ by their command sockets, which is how `ps` shows them apart.
    setproctitle(f"sozu: master {command_socket}")
    # Workers inherit the limit: a proxy needs two descriptors for each exchange, and the usual 1024 is for other programs.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # Private keys are in our memory, and would be in a core dump; whoever needs one may raise the limit again (prlimit).
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def settle(aside: Aside) -> None:
    """The start is over, and nobody waits: have the collector spare all that is there, and import what was done without."""
    garbage.settle()
    aside.call(import_the_rest)


def import_the_rest() -> None:
    """What no start needs, and some order will. Raises ImportError."""
    import_module(NOT_NEEDED_AT_FIRST)
