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
    # What a head means was worked out before, and a transaction may have taken its cluster away since.
    if roster is None:
        raise NoBackend
    if roster.terms is not None:
        return admit(traffic, caller, seeker, asked, roster, repeatable=repeatable)
    tried: tuple[tuple[str, str], ...] = ()
    # `chosen` has had its turn already, where the session looked for a connection at hand: to ask the balancer again would skip a turn.
    backend = chosen or roster.sole or roster.choose()
    while backend is not None:
        # In one breath with the choice: whoever chooses next sees it, and a backend that is removed in this moment is not taken for drained.
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
            # Before it is counted out here: the exchange's own `finally` must not do so again.
            seeker.counted = None
            backend.end()
            tried += (backend.key,)
            # Looked up again, since that has taken its time: who was removed meanwhile is drained for whoever asked, and may be switched off.
            roster = traffic.registry.rosters.get(backend.key[0])
            backend = None if roster is None or len(tried) >= MOST_BACKENDS else roster.choose(tried)
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
    # Also where the cluster has no terms: tunnels are few, and one way in is enough for them.
    return Admission(traffic, caller, seeker, asked, roster, anew=True).reach(repeatable=False)
