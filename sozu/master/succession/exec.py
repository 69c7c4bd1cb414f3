"""The moment between two programs of one process: the estate is written, descriptors stay open, signals wait."""

from collections.abc import Iterable, Sequence
import logging
import os
import signal
import sys
from typing import Final

from sozu.master.succession.estate import Estate, write_estate

log = logging.getLogger("sozu.master")

# SIGALRM is none of them: it has to be able to end the next program.
OURS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PATIENCE: Final = 60  # seconds in which the next program must have come to serve; a hung one is ended, and its workers go on


def hold_signals() -> None:
    """Signals to the master wait from now on, also through an exec: none may meet a program that does not know it yet."""
    # Blocked, and neither ignored nor handled: an exec sets handlers back to the default, which for these is to end the
    # process, while a signal that is blocked stays pending until the next program asks for it (execve(2)).
    signal.pthread_sigmask(signal.SIG_BLOCK, OURS)


def release_signals() -> None:
    """They are awaited: let those come that waited."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, OURS)


def become(program: Sequence[str], estate: Estate) -> OSError:
    """Go on as another program, with `--estate FD` added to it. Returns only if that cannot be started."""
    try:
        descriptor = write_estate(estate)
    except OSError as error:  # no memory, no descriptor
        return error
    kept = (*estate.descriptors(), descriptor)
    # From here to the exec nothing may switch: a worker that was started now would get all of this.
    _inheritable(kept, wanted=True)
    # What Python has buffered would go with its memory.
    _say_the_rest()
    # An alarm outlives the exec, and ends a process that does not expect it: so a program that hangs while it is
    # imported needs nobody to watch it, which would be a second process.
    signal.alarm(PATIENCE)
    try:
        os.execv(program[0], [*program, "--estate", str(descriptor)])  # noqa: S606 - our own program, without a shell
    except OSError as error:
        signal.alarm(0)
        # We go on and start workers: one that had the journal's descriptor would hold its lock when we are gone, and no
        # master could begin.
        _inheritable(kept, wanted=False)
        os.close(descriptor)
        return error


def come_to_serve() -> None:
    """The next program serves: it has no deadline any more."""
    signal.alarm(0)


def _say_the_rest() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:  # nobody reads it any more, or its disk is full: no reason not to be succeeded
            log.debug("event=output_lost reason=%r", str(error))


def _inheritable(descriptors: Iterable[int], *, wanted: bool) -> None:
    for each in descriptors:
        os.set_inheritable(each, wanted)
