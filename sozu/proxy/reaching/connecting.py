"""A new connection to a backend, and what it means when there is none."""

from typing import Final, Protocol

from sozu.command.facts import Timeouts
from sozu.proxy.back import Back
from sozu.proxy.deadlines import Late
from sozu.proxy.failures import Unreachable
from sozu.proxy.registry import LiveBackend
from sozu.proxy.stream import Broken
from sozu.proxy.traffic import Traffic

MOST_BACKENDS: Final = 3  # how many are tried before the client is told
BAD_GATEWAY: Final = 502
UNAVAILABLE: Final = 503  # it is our own want: no descriptor is left
GATEWAY_TIMEOUT: Final = 504


class Counted(Protocol):
    """Where an exchange is counted."""

    @property
    def cookie(self) -> bytes:
        """A field line for the client, or nothing."""

    def end(self) -> None:
        """It is over."""


class Caller(Protocol):
    """The part of a Front that is needed here; a tunnel has it too."""

    deadline: float
    client: bytes

    @property
    def destination(self) -> str:
        """Where the client went: the address of the listener by which it came, or what a proxy before it says."""


class Seeker(Protocol):
    """The part of an exchange that is written to here. `counted` is whoever counts it from then on, and is to be told of its end."""

    cluster: str | None
    backend: str | None
    retries: int
    started: float
    connected: float | None
    responded: float | None
    status: int
    counted: Counted | None


def open_back(traffic: Traffic, caller: Caller, backend: LiveBackend, timeouts: Timeouts, preface: bytes = b"") -> Back:
    """A new connection to this backend, with this before all else; Unreachable if it refuses or takes longer than `timeouts.connect`."""
    # Late comes from the sweep over the deadlines, into the park in connect.py; only here it is known what was waited for.
    caller.deadline = traffic.clock.after(timeouts.connect)
    try:
        back = _open(traffic, backend, preface)
    except Broken as broken:
        if broken.stream is None:
            traffic.counters.backend_failures += 1
            raise Unreachable(f"connect: {broken}", UNAVAILABLE) from broken  # our own want: no backend is to blame
        failure = Unreachable(f"connect: {broken}", BAD_GATEWAY)
    except Late:
        # It may be passed by for another one all the same: nothing of the request was sent, however long it took.
        failure = Unreachable("connect: timed out", GATEWAY_TIMEOUT, "backend-timeout")
    else:
        # A connection that stands is all that ends this state: what a backend answers over it is judged elsewhere (`blame`).
        if backend.down:
            traffic.registry.judge(backend, down=False)
        return back
    blame(traffic, backend)
    traffic.registry.judge(backend, down=True, reason=str(failure))
    raise failure


def _open(traffic: Traffic, backend: LiveBackend, preface: bytes) -> Back:
    """Where no descriptor is left, idle connections to others have to give one, or the reserve that is kept for this."""
    try:
        return traffic.pool.open(backend, preface)
    except Broken as broken:
        # Idle connections go first, since they only save time. The reserve is small, and accepting stops until it is whole again.
        if broken.stream is not None or not (traffic.registry.shed() or traffic.spare()):
            raise
    return traffic.pool.open(backend, preface)


def blame(traffic: Traffic, backend: LiveBackend | None) -> None:
    """Count a failure, and hold it against the backend if that is still known."""
    traffic.counters.backend_failures += 1
    if backend is not None:
        traffic.registry.failed(backend, traffic.clock.now)
