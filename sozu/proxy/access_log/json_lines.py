"""One JSON object a line. Pure but for the two clocks, which are arguments.

An exchange that went as it should, which is nearly every one, is filled into a pattern: the pieces go in as they came, so that nothing is
decoded or encoded. Any other is written out with all that may be missing or has to be escaped.
"""

from collections.abc import Callable, Sequence
import time
from typing import Final

import msgspec

from sozu.proxy.access_log.escaping import Text, decoded, escaped, plain
from sozu.proxy.entry import AnyEntry, Entry

# Clusters come and go for months: what was remembered of those that have gone goes with all the rest, since nobody tells us of them.
MOST_PLACES: Final = 10_000

# Filled twice: with the worker once and for all, then (%%) with each line. One format for all of a line, instead of an encoder
# that looks at each field, made 1.3 us of 4.4.
_USUAL: Final = (
    b'%%b%%b","worker":%d,"session":%%d,"client":"%%b",%%b,"status":%%d,"duration":%%.6f,'
    b'"bytes_in":%%d,"bytes_out":%%d,%%b,"response":%%.6f,"connect":'
)


class Line(msgspec.Struct, omit_defaults=True):
    """The line; durations in seconds. Keys are never renamed, and those of a usual value are left out."""

    time: str
    request_id: str
    worker: int
    session: int
    client: str
    method: str
    host: str
    path: str
    status: int
    duration: float
    bytes_in: int
    bytes_out: int
    cluster: str | None = None
    backend: str | None = None
    connect: float | None = None
    response: float | None = None
    user_agent: str | None = None
    retries: int = 0
    ended: str | None = None
    tls: str | None = None
    sni: str | None = None


class _Places(dict[tuple[str | None, str | None], bytes]):
    """Clusters with backends, as they stand in a line; they come from the configuration, so there are not many."""

    def __missing__(self, place: tuple[str | None, str | None]) -> bytes:
        if len(self) >= MOST_PLACES:
            self.clear()
        cluster, backend = [msgspec.json.encode(escaped(name or "")) for name in place]
        piece = self[place] = b'"cluster":%b,"backend":%b' % (cluster, backend)
        return piece


class Moment:
    """The millisecond of the wall clock in which an exchange began, as text; and the readings of the monotonic clock between which it lasted.

    Many exchanges begin in one, so no line makes it for itself. The two clocks are compared once a second: when somebody sets
    the wall clock, the next second knows.
    """

    __slots__ = ("_ahead", "_monotonic", "_second", "_text", "_wall", "began", "ended", "opening")

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._ahead = 0.0  # of the wall clock
        self._second = -1
        self._text = ""
        self.began = self.ended = float("inf")
        self.opening = b""  # of a line

    def turn(self, started: float) -> None:
        """Be the one in which this was."""
        moment = self._ahead + started
        # Another second, not a later one: entries come as exchanges end, and one that was long began before those that are told already.
        if int(moment) != self._second:
            self._ahead = self._wall() - self._monotonic()
            # Once more: somebody may have set the wall clock since the last look.
            moment = self._ahead + started
            self._second = int(moment)
            self._text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self._second))
        passed = (moment - self._second) * 1000
        # Cut and not rounded: 999.7 would become a four-digit millisecond, in the second before.
        millisecond = int(passed)
        self.opening = f'{{"time":"{self._text}.{millisecond:03}Z","request_id":"'.encode()
        self.began = started - (passed - millisecond) / 1000
        self.ended = self.began + 0.001


def json_formatter(
    wall: Callable[[], float] = time.time, worker: int = 0, monotonic: Callable[[], float] = time.monotonic
) -> Callable[[Sequence[AnyEntry]], bytes]:
    """The function that makes the lines of some entries; `worker` is the slot."""
    moment, places = Moment(wall, monotonic), _Places()
    at_hand, opened = _USUAL % worker + b"0.000000}\n", _USUAL % worker + b"%.6f}\n"

    def lines(entries: Sequence[AnyEntry]) -> bytes:
        made = []
        for entry in entries:
            number, session, client, texts, status, started, connected, responded, finished, cluster, backend, size_in, size, retries, ended = entry
            if not moment.began <= started < moment.ended:
                moment.turn(started)
            said = texts.json
            # Whatever a line tells only where it is there, or has to be escaped: the pattern has no place for it.
            if said is None or responded is None or connected is None or ended or retries:
                # The time is in the opening already, 24 characters behind `{"time":"`: nothing need be made twice.
                made.append(_unusual(Entry._make(entry), worker, moment.opening[9:33].decode()))
                continue
            where = places[cluster, backend]
            values = (moment.opening, number, session, client, said, status, finished - started, size_in, size, where, responded - started)
            # Floats may be compared here: for a connection that was at hand one is a copy of the other (reaching/choice.py). A float less to write
            # is some 900 instructions less (docs/decisions/005.md).
            made.append(at_hand % values if connected == started else opened % (*values, connected - started))
        return b"".join(made)

    return lines


def _unusual(entry: Entry, worker: int, moment: str) -> bytes:
    """The line of an exchange in which anything may be missing, or has to be escaped."""
    encoded = _json(entry, worker, moment, decoded)
    # JSON escapes quotes and controls by itself. What else is not printable ASCII is rare: look for it once, in the whole.
    if not encoded.isascii() or b"\x7f" in encoded:
        encoded = _json(entry, worker, moment, plain)
    return encoded + b"\n"


_encode = msgspec.json.Encoder().encode


def _json(entry: Entry, worker: int, moment: str, text: Callable[[Text], str | None]) -> bytes:
    started, texts = entry.started, entry.texts

    def after(moment: float | None) -> float | None:
        # Microseconds, as %.6f gives in the usual line: nobody who reads the log is to see which way a line was made.
        return None if moment is None else round(moment - started, 6)

    return _encode(
        Line(
            moment,
            text(entry.request_id) or "",
            worker,
            entry.session,
            text(entry.client) or "",
            text(texts.method) or "",
            text(texts.authority) or "",
            text(texts.path) or "",
            entry.status,
            round(entry.finished - started, 6),
            entry.bytes_in,
            entry.bytes_out,
            text(entry.cluster),
            text(entry.backend),
            after(entry.connected),
            after(entry.responded),
            text(texts.user_agent),
            entry.retries,
            text(entry.ended),
            text(texts.tls),
            text(texts.sni),
        )
    )
