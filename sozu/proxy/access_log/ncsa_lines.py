"""The NCSA formats, which every log reader reads: common, and combined with the user agent. Pure but for the wall clock, which is an argument."""

from collections.abc import Callable, Sequence
import time

from sozu.proxy.access_log.escaping import plain, quotable
from sozu.proxy.entry import AnyEntry, Entry

Formatter = Callable[[Sequence[AnyEntry]], bytes]


class WallClock:
    """Seconds since 1970 as text; made once a second."""

    __slots__ = ("_second", "_text", "_wall")

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._second = -1
        self._text = ""

    def ago(self, seconds: float) -> str:
        """The moment so many seconds ago, in UTC."""
        # The format wants the moment of the request on the wall clock; an entry has readings of the monotonic one only, so we count back from now.
        second = int(self._wall() - seconds)
        if second != self._second:
            self._second = second
            self._text = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(second))
        return self._text


def common_formatter(wall: Callable[[], float] = time.time) -> Formatter:
    """NCSA common log format."""
    clock = WallClock(wall)

    def lines(entries: Sequence[AnyEntry]) -> bytes:
        # ascii cannot fail here: all that comes from outside was escaped before.
        return "".join([f"{_common(Entry._make(entry), clock)}\n" for entry in entries]).encode("ascii")

    return lines


def combined_formatter(wall: Callable[[], float] = time.time) -> Formatter:
    """The common format with referrer (not kept, so "-") and user agent."""
    clock = WallClock(wall)

    def line(entry: Entry) -> str:
        return f'{_common(entry, clock)} "-" "{quotable(entry.texts.user_agent)}"\n'

    def lines(entries: Sequence[AnyEntry]) -> bytes:
        return "".join([line(Entry._make(entry)) for entry in entries]).encode("ascii")

    return lines


def _common(entry: Entry, clock: WallClock) -> str:
    moment = clock.ago(entry.finished - entry.started)
    host = (plain(entry.client) or "-").rpartition(":")[0] or "-"
    request = f"{quotable(entry.texts.method)} {quotable(entry.texts.path)} HTTP/1.{entry.texts.minor}"
    # A dash for no bytes and not 0, as the format has always had it.
    return f'{host} - - [{moment}] "{request}" {entry.status or "-"} {entry.bytes_out or "-"}'
