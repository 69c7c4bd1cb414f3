"""Calls that take their time, in a thread of their own: the loop goes on supervising meanwhile, one call waits for the other."""

from collections.abc import Callable
from typing import TypeVar

from gevent.threadpool import ThreadPool

from sozu.command.commit import Refused
from sozu.command.journal import JournalError

T = TypeVar("T")


class Aside:
    """One thread, for disk and for arithmetic. What it calls may raise Refused, OSError or JournalError; all else is a bug of ours."""

    def __init__(self) -> None:
        # One thread and no more: what is called through one Aside, such as the journal's writes and its compaction,
        # never overlaps and needs no lock. Two would not compute faster either, since one of them holds the interpreter.
        self._pool = ThreadPool(1)

    def call(self, function: Callable[..., T], *arguments: object) -> T:
        """What the function returns, or raises. Only this greenlet waits."""
        # This greenlet is parked in the hub until the thread is done, and all
        # others run: what was read before this call may be outdated after it.
        outcome: T | Refused | OSError | JournalError = self._pool.apply(_outcome, (function, *arguments))
        if isinstance(outcome, Refused | OSError | JournalError):
            raise outcome
        return outcome

    def close(self) -> None:
        """End the thread."""
        # Before an exec as well. A signal is blocked thread by thread (pthread_sigmask(3)), and one that a thread of
        # ours still took would be lost to the next program.
        self._pool.kill()


def _outcome(function: Callable[..., T], *arguments: object) -> T | Refused | OSError | JournalError:
    """What the function returns, or how it failed: the pool prints a traceback for all that is raised in its thread."""
    try:
        return function(*arguments)
    # Nothing else is caught: it would be a bug, and there the traceback is what is wanted.
    except (Refused, OSError, JournalError) as expected:
        return expected
