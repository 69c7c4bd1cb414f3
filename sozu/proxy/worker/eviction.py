"""Whom a full worker closes for a new client: those that have been idle for longest, and nobody who was active a moment ago."""

from collections.abc import Collection
from heapq import nsmallest
from operator import attrgetter

from sozu.proxy.traffic import Session

QUIET = 1.0  # seconds; a client that was active since may have its next request on the way to us
SHARE = 256  # one in so many is closed at a time: to look for them costs a look at all


def evict(sessions: Collection[Session], now: float) -> int:
    """Close the least active sessions and return how many; 0 if all are busy. Does not switch greenlets."""
    # Who is busy is idle since NEVER, which is later than any moment: the comparison leaves him out without another question.
    quiet = [session for session in sessions if session.idle_since <= now - QUIET]
    # A few of many: to sort ten thousand for forty of them takes several times as long.
    victims = nsmallest(max(1, len(sessions) // SHARE), quiet, key=attrgetter("idle_since"))
    for session in victims:
        session.close()
    return len(victims)
