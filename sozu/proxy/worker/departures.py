"""Who has left while we wait for a backend on his behalf? His exchange ends, and the backend's connection with it.

Nobody reads from a client meanwhile, and a watcher for each would cost every exchange what only the rare one needs: so all who are busy are
asked about in one system call, twice a second. Having left is to have reset the connection. A mere end of what a client sends is not: he may still
wait for his answer (RFC 9112 section 9.6), and nothing tells one from the other before we send. Nor is an end both ways: that is how
tunnels finish, and what the client said last may still be on its way to the backend.
"""

from collections.abc import Collection
import select
from typing import Final

from sozu.proxy.counters import Counters
from sozu.proxy.deadlines import NEVER
from sozu.proxy.failures import ClientGone
from sozu.proxy.traffic import WatchedSession

# Half a second: a backend that is silent is held for a client who has gone by so much longer, and each look is a system call over all who are busy.
TICKS: Final = 5


class Departures:
    """Over the sessions of a worker; `look` is called by its tick."""

    def __init__(self, sessions: Collection[WatchedSession], counters: Counters) -> None:
        self._sessions = sessions
        self._counters = counters
        self._ticks = 0

    def look(self) -> None:
        """See the module; every so many ticks, and not where nobody is busy."""
        self._ticks = (self._ticks + 1) % TICKS
        if not self._ticks and self._counters.exchanges_open:
            self._end_the_departed()

    def _end_the_departed(self) -> None:
        # A poll set made anew: one that is kept would have to hear of each exchange that begins and ends, which is what is to be saved.
        busy = {session.stream.fileno(): session for session in self._sessions if session.idle_since == NEVER}
        poll = select.poll()
        for number in busy:
            poll.register(number, 0)  # errors are told unasked
        # Read to the end before anybody is told: to throw runs that exchange, which may close other connections of this dict.
        for number in [number for number, event in poll.poll(0) if event & select.POLLERR]:
            session = busy[number]
            if session.idle_since == NEVER and session.deadline < NEVER:  # else it has ended with a neighbour, or will
                session.throw(ClientGone("client: gone before its answer"))
