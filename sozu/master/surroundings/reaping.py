"""As the first process of a container we inherit the children of others that have ended: nobody else would reap them.

Our own are reaped by whoever watches them (workers/process.py). The kernel shows one child that has ended at a time; where that is one of ours, who comes after it waits
for the next look.
"""

from collections.abc import Container
import os
from typing import Final

import gevent

from sozu.master.workers.process import WATCHED

FIRST: Final = 1  # the pid to which the kernel gives orphans
EVERY: Final = 1.0  # seconds


def reap_strangers(ours: Container[int] = WATCHED) -> list[int]:
    """Reap children that have ended and are not ours; their pids."""
    reaped = []
    # One of ours stays: were it reaped here, its watcher would find no child, and the log would call its fate unknown.
    while (pid := _ended_child()) is not None and pid not in ours:
        os.waitid(os.P_PID, pid, os.WEXITED)
        reaped.append(pid)
    return reaped


def _ended_child() -> int | None:
    try:
        # WNOWAIT: a look that takes nothing away, since whether we may depends on who it is.
        end = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # there is none at all
        return None
    return None if end is None else end.si_pid


def keep_reaping(pid: int) -> None:
    """Do so for ever, if we (`pid`) are the first process."""
    # Once a second and without SIGCHLD: a zombie costs nothing but an entry, and libev's handler of that signal would
    # reap whatever child it finds, our workers among them.
    while pid == FIRST:
        reap_strangers()
        gevent.sleep(EVERY)
