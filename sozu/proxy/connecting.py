"""Which backend, over which connection? Nothing has been sent yet, so one that does not open may be passed by for another.

`reach` chooses and counts: from its return until the exchange calls `backend.end()`, the backend has one exchange more.
"""

from collections.abc import Container
from time import monotonic
from typing import Final

from sozu.command.facts import Timeouts
from sozu.proxy.back import Back
from sozu.proxy.deadlines import Late
from sozu.proxy.failures import Failure, NoBackend, Unreachable
from sozu.proxy.front import Front
from sozu.proxy.meaning import Asked
from sozu.proxy.record import Record
from sozu.proxy.registry import BackendKey, LiveBackend, Roster
from sozu.proxy.stream import Broken
from sozu.proxy.traffic import Traffic

MOST_BACKENDS: Final = 3  # how many are tried before the client is told
BAD_GATEWAY: Final = 502
UNAVAILABLE: Final = 503  # it is our own want: no descriptor is left
GATEWAY_TIMEOUT: Final = 504


def reach(traffic: Traffic, front: Front, record: Record, asked: Asked, repeatable: bool) -> Back:  # noqa: FBT001 - keywords cost on this path
    """A connection to a backend of `record.cluster`. Raises NoBackend, or Unreachable when enough were tried.

    `repeatable` requests may ride on a connection that was idle for long (pool.py says why).
    """
    roster = traffic.registry.rosters.get(record.cluster or "")
    if roster is None:
        raise NoBackend
    tried: tuple[BackendKey, ...] = ()
    failure: Failure | None = None
    while len(tried) < MOST_BACKENDS:
        backend = _choose(roster, tried, front, asked) if tried or roster.sole is None else roster.sole
        if backend is None:
            break
        backend.exchanges += 1
        record.backend = backend.name
        if tried:
            record.retries = len(tried)
        back = traffic.pool.take(backend, repeatable)
        if back is not None:
            record.connected = record.started  # it was at hand: no time is lost
            return back
        try:
            back = open_back(traffic, front, backend, asked.timeouts)
        except Unreachable as unreachable:
            backend.end()
            traffic.registry.judge(backend, down=True, reason=str(unreachable))
            failure = unreachable
            tried += (backend.key,)
        except BaseException:
            backend.end()
            raise
        else:
            record.connected = monotonic()
            if backend.down:
                traffic.registry.judge(backend, down=False)
            return back
    raise failure or NoBackend


def _choose(roster: Roster, tried: Container[BackendKey], front: Front, asked: Asked) -> LiveBackend | None:
    key = b"" if roster.key is None else roster.key(asked.view.passed_fields(), front.client)
    return roster.choose(tried, key)


def open_back(traffic: Traffic, front: Front, backend: LiveBackend, timeouts: Timeouts) -> Back:
    """A new connection to this backend; Unreachable if it refuses or takes longer than `timeouts.connect`."""
    front.deadline = traffic.clock.after(timeouts.connect)
    try:
        return _open(traffic, backend)
    except Broken as broken:
        traffic.counters.backend_failures += 1
        raise Unreachable(f"connect: {broken}", BAD_GATEWAY if broken.stream else UNAVAILABLE) from broken
    except Late as late:
        traffic.counters.backend_failures += 1
        raise Unreachable("connect: timed out", GATEWAY_TIMEOUT) from late


def _open(traffic: Traffic, backend: LiveBackend) -> Back:
    """Where no descriptor is left, idle connections to others have to give one, or the reserve that is kept for this."""
    try:
        return traffic.pool.open(backend)
    except Broken as broken:
        if broken.stream is not None or not (traffic.registry.shed() or traffic.spare()):
            raise
    return traffic.pool.open(backend)
