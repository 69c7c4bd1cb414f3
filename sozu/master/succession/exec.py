"""The moment between two programs of one process: the estate is written, descriptors stay open, signals wait."""

from collections.abc import Iterable, Sequence
import logging
import os
import signal
import sys
from typing import Final

from sozu.master.succession.estate import Estate, write_estate

log = logging.getLogger("sozu.master")

OURS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PATIENCE: Final = 60  # seconds in which the next program must have come to serve; a hung one is ended, and its workers go on


def hold_signals() -> None:
    """Signals to the master wait from now on, also through an exec: none may meet a program that does not know it yet."""
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
    _inheritable(kept, wanted=True)
    _say_the_rest()
    signal.alarm(PATIENCE)
    try:
        os.execv(program[0], [*program, "--estate", str(descriptor)])  # noqa: S606 - our own program, without a shell
    except OSError as error:
        signal.alarm(0)
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
