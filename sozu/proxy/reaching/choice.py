"""Which backend? Nothing has been sent yet, so one that cannot be reached may be passed by for another.

`reach` chooses and counts: from its return until the exchange ends, the backend has one exchange more.
"""

from time import monotonic

from sozu.proxy.back import Back
from sozu.proxy.failures import NoBackend, Unreachable
from sozu.proxy.meaning import Asked
from sozu.proxy.reaching.admission import Admission, admit
from sozu.proxy.reaching.connecting import MOST_BACKENDS, Caller, Seeker, open_back
from sozu.proxy.registry import LiveBackend
from sozu.proxy.traffic import Traffic


def reach(traffic: Traffic, caller: Caller, seeker: Seeker, asked: Asked, repeatable: bool, *, chosen: LiveBackend | None = None) -> Back:  # noqa: FBT001 - keywords cost on this path
    """A connection to a backend of `seeker.cluster`. Raises NoBackend, or Unreachable when enough were tried.

    `chosen`: from the roster, already. `repeatable` requests may ride on a connection that was idle for long (pool.py says why).
    """
    roster = traffic.registry.rosters.get(seeker.cluster or "")
    if roster is None:
        raise NoBackend
    if roster.terms is not None:
        return admit(traffic, caller, seeker, asked, roster, repeatable=repeatable)
    tried: tuple[tuple[str, str], ...] = ()
    backend = chosen or roster.sole or roster.choose()
    while backend is not None:
        backend.exchanges += 1
        seeker.counted = backend
        seeker.backend = backend.name
        back = traffic.pool.take(backend, repeatable)
        if back is not None:
            seeker.connected = seeker.started  # it was at hand: no time is lost
            return back
        try:
            back = open_back(traffic, caller, backend, asked.timeouts)
        except Unreachable:
            seeker.counted = None
            backend.end()
            tried += (backend.key,)
            backend = roster.choose(tried) if len(tried) < MOST_BACKENDS else None
            if backend is None:
                raise
            seeker.retries = len(tried)
        else:
            seeker.connected = monotonic()
            return back
    raise NoBackend


def reach_anew(traffic: Traffic, caller: Caller, seeker: Seeker, asked: Asked) -> Back:
    """The same for a tunnel: always a new connection."""
    roster = traffic.registry.rosters.get(seeker.cluster or "")
    if roster is None:
        raise NoBackend
    return Admission(traffic, caller, seeker, asked, roster, anew=True).reach(repeatable=False)
