"""How much a client may send, and how slow it may be: limits that are off unless the settings, or those of a cluster, name them.

Each is a layer around what is used without it (a Body, a Pace), so that who sets no limit pays for none.
"""

from typing import Final

from sozu.command.facts import Cluster
from sozu.command.settings import Settings
from sozu.parsers.reasons import Reason, Refusal, refusal
from sozu.parsers.result import Error
from sozu.proxy.bodies import Body, ChunkedBody, LengthBody, Malformed, Pace, Timed
from sozu.proxy.clock import Clock
from sozu.proxy.stream import Piece

GRACE: Final = 10.0  # seconds for which nobody's rate is looked at


class Bounded:
    """A chunked request body of at most `most` bytes of payload; a chunk that announces more ends it before it comes."""

    __slots__ = ("_body", "_left", "_size")

    def __init__(self, body: ChunkedBody, most: int) -> None:
        self._body = body
        self._left = most
        self._size = 0  # as it came, for who looks for the place

    @property
    def complete(self) -> bool:
        """See Body."""
        return self._body.complete

    def read(self, most: int) -> Piece:
        """See Body. Raises Malformed where the limit is passed."""
        piece = self._body.read(most)
        self._size += len(piece)
        self._left -= sum(end - start for start, end in self._body.spans)
        # The size line of a chunk is taken at its word: what would pass the limit is refused before its bytes are sent on. Where the payload
        # itself has passed it `_left` is negative, and this holds as well.
        if self._left < self._body.announced:
            raise Malformed(Error(self._size, frozenset(), Reason.BODY_TOO_LARGE))
        return piece


def bounded(body: Body, settings: Settings, cluster: Cluster) -> Body | Refusal:
    """A request's body of which nothing has been read, within `max_body_size`; a Refusal if it announces more."""
    most = settings.max_body_size if cluster.max_body_size is None else cluster.max_body_size
    if most is None:
        return body
    # A length is known before anything is read: 413 to the client, and no backend hears of it. Within the limit it cannot grow, so no layer
    # is needed; only chunks have to be watched on their way.
    if isinstance(body, LengthBody) and body.announced > most:
        return refusal(Reason.BODY_TOO_LARGE)
    return Bounded(body, most) if isinstance(body, ChunkedBody) else body


class RatedPace(Pace):
    """A pace for a client that has, in all, the grace and a second for each `rate` bytes. Time spent on the backend is not counted."""

    __slots__ = ("_client_reads", "_rate", "_since", "_spent")

    def __init__(
        self, front: Timed, clock: Clock, read_seconds: float, write_seconds: float, *, rate: int, client_reads: bool
    ) -> None:
        super().__init__(front, clock, read_seconds, write_seconds)
        self._rate = rate
        self._client_reads = client_reads
        self._since: float | None = None  # when the client's turn began
        self._spent = 0.0

    def before_read(self) -> None:
        """See Pace."""
        # The order matters: Pace sets the deadline anew, and `_turn` may only shorten it.
        super().before_read()
        self._turn(of_client=not self._client_reads)

    def before_write(self, size: int) -> None:
        """See Pace."""
        super().before_write(size)
        self._turn(of_client=self._client_reads)

    def _turn(self, *, of_client: bool) -> None:
        now = self._clock.now
        if self._since is not None:
            self._spent += now - self._since
        self._since = now if of_client else None
        if of_client:
            # Over the whole body and not piece by piece: who was quick may pause, and who sends a byte now and then, each in time for the
            # ordinary timeout, has used up his grace soon. That is how slow attacks hold connections.
            left = GRACE + self.count / self._rate - self._spent
            self._front.deadline = min(self._front.deadline, self._clock.after(max(left, 0.0)))


def seconds_to_take(size: int, seconds: float, rate: int) -> float:
    """How long a client may leave a whole answer of `size` bytes untaken: so many seconds, or less where it has to take `rate` bytes in each."""
    return min(seconds, GRACE + size / rate) if rate else seconds


def upload_pace(front: Timed, clock: Clock, client_seconds: float, backend_seconds: float, rate: int) -> Pace:
    """For a body on its way from a client to a backend."""
    if rate:
        return RatedPace(front, clock, client_seconds, backend_seconds, rate=rate, client_reads=False)
    return Pace(front, clock, client_seconds, backend_seconds)


def download_pace(front: Timed, clock: Clock, backend_seconds: float, client_seconds: float, rate: int) -> Pace:
    """For a body on its way from a backend to a client."""
    if rate:
        return RatedPace(front, clock, backend_seconds, client_seconds, rate=rate, client_reads=True)
    return Pace(front, clock, backend_seconds, client_seconds)
