"""Ending without breaking anything: what a draining worker asks of its sessions, and in which order.

The policy per kind of session is the session's own (HTTP/1 ends with `Connection: close`); here is only the deadline.
"""

from collections.abc import Callable, Collection
from typing import Protocol

import gevent

from sozu.proxy.traffic import Session

_LOOK_AGAIN = 0.02  # seconds; sessions end by the thousand, one look per tick is cheaper than one call per end
_LOOKS = 50  # at a session that may move: if it was busy each time, it is asked to end as others are

class Heir(Protocol):
    """Where sessions may go instead of ending."""

    def may_take(self, session: Session) -> bool:
        """Could this one go there, now or later?"""

    def move(self, sessions: Collection[Session]) -> None:
        """Give away those that can go now."""


def drain_sessions(sessions: Collection[Session], remaining: Callable[[], float], heir: Heir | None = None) -> int:
    """Ask every session to end and wait for it until `remaining()` seconds are over; then cut, and return how many were cut.

    Those that an heir may take are asked only if that does not come to pass.
    """
    # An heir is no promise. Told at once to close, a client would close a connection that it could have kept;
    # told never, one that is always busy at the moment of the look would keep us until the grace is over.
    patient = {session for session in sessions if heir is not None and heir.may_take(session)}
    _ask(sessions, lambda session: session not in patient)
    looks = 0
    # `sessions` is the worker's own set: they leave it by themselves when they end.
    while sessions and (left := remaining()) > 0:
        if heir is not None:
            heir.move(sessions)
        gevent.sleep(min(left, _LOOK_AGAIN))
        looks += 1
        if looks == _LOOKS:
            _ask(sessions, patient.__contains__)
    late = tuple(sessions)
    for session in late:
        session.close()
    if late:
        gevent.sleep(_LOOK_AGAIN)  # cut exchanges run to their end, and into the log
    return len(late)


def _ask(sessions: Collection[Session], which: Callable[[Session], bool]) -> None:
    # A list: an idle session ends within `drain`, and leaves the set that we walk through.
    for session in [session for session in sessions if which(session)]:
        session.drain()
