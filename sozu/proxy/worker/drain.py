"""Ending without breaking anything: what a draining worker asks of its sessions, and in which order.

The policy per kind of session is the session's own (HTTP/1 ends with `Connection: close`); here is only the deadline.
"""

from collections.abc import Callable, Collection

import gevent

from sozu.proxy.traffic import Session

_LOOK_AGAIN = 0.02  # seconds; sessions end by the thousand, one look per tick is cheaper than one call per end


def drain_sessions(sessions: Collection[Session], remaining: Callable[[], float]) -> int:
    """Ask every session to end and wait for it until `remaining()` seconds are over; then cut, and return how many were cut."""
    for session in tuple(sessions):
        session.drain()
    while sessions and (left := remaining()) > 0:
        gevent.sleep(min(left, _LOOK_AGAIN))
    late = tuple(sessions)
    for session in late:
        session.close()
    if late:
        gevent.sleep(_LOOK_AGAIN)  # cut exchanges run to their end, and into the log
    return len(late)
