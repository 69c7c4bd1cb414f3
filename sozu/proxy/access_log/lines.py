"""How a line of the access log looks: an exchange in, one line out. Pure but for the wall clock, which is an argument.

What a client sent may hold anything that its grammar allows, and an editor or terminal will show it: every byte that is
not printable ASCII is escaped, in all formats, so that nobody forges lines or colours an operator's screen.
"""

from collections.abc import Callable
import time
from typing import Final, Protocol

import msgspec

from sozu.command.settings import LogFormat
from sozu.proxy.access_log.texts import Texts

Text = bytes | str | None
MOST_NAMES: Final = 10_000


class Exchange(Protocol):
    """What a line is made of. Clock readings are seconds of one monotonic clock; a text may be absent (None or empty)."""

    request_id: bytes
    session: int  # which of the worker's connections
    client: bytes  # IP address and port
    status: int  # 0: the client went away before there was one
    cluster: str | None
    backend: str | None
    started: float
    connected: float | None  # when the backend's connection was there
    responded: float | None  # when the head of the final response was
    finished: float
    bytes_in: int  # of the body
    bytes_out: int
    retries: int
    ended: str | None  # why it ended, if not as it should

    @property
    def texts(self) -> Texts:
        """Of its request's head."""


Formatter = Callable[[Exchange], bytes]


class Line(msgspec.Struct, omit_defaults=True):
    """The JSON line; durations in seconds. Keys are never renamed, and those of a usual value are left out."""

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


class WallClock:
    """Seconds since 1970 as text, by format; the part that changes once a second is made once a second."""

    __slots__ = ("_format", "_second", "_text", "_wall")

    def __init__(self, form: str, wall: Callable[[], float] = time.time) -> None:
        self._format = form
        self._wall = wall
        self._second = -1
        self._text = ""

    def ago(self, seconds: float) -> tuple[str, int]:
        """The moment so many seconds ago: text down to the second (UTC), and the milliseconds."""
        moment = self._wall() - seconds
        second = int(moment)
        if second != self._second:
            self._second = second
            self._text = time.strftime(self._format, time.gmtime(second))
        return self._text, int((moment - second) * 1000)


# An exchange that went as it should, which is nearly every one, on a connection to the backend that was at hand, or on a new one. The
# pieces go in as they came, so that nothing is decoded or encoded. What is the same for a second is put in first.
_USUAL = (
    b'{"time":"TIME.%03dZ","request_id":"%b","worker":WORKER,"session":%d,"client":"%b",%b,"status":%d,"duration":%.6f,'
    b'"bytes_in":%d,"bytes_out":%d,"cluster":"%b","backend":"%b","response":%.6f,"connect":'
)

class _Names(dict[str, bytes]):
    """The names of clusters and backends as they stand in a JSON text; they come from the configuration, so there are not many."""

    def __missing__(self, name: str) -> bytes:
        if len(self) >= MOST_NAMES:
            self.clear()
        escaped = self[name] = msgspec.json.encode(_escaped(name))[1:-1]
        return escaped


class UsualSecond:
    """The second of the wall clock in which an exchange began, as text and in formats; and the reading of the monotonic clock when it did.

    Looked at once a second, so that no line asks for the time; when somebody sets the clock, the next second knows.
    """

    __slots__ = ("_monotonic", "_wall", "_worker", "at_hand", "began", "opened", "text")

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float], worker: int) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._worker = b"%d" % worker
        self.began = float("inf")
        self.text = self.at_hand = self.opened = b""

    def turn(self, started: float) -> None:
        """Be the second in which this was."""
        moment = self._wall() - self._monotonic() + started
        second = int(moment)
        self.text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
        usual = _USUAL.replace(b"TIME", self.text).replace(b"WORKER", self._worker)
        self.at_hand = usual + b"0.000000}\n"
        self.opened = usual + b"%.6f}\n"
        self.began = started - (moment - second)


def json_formatter(wall: Callable[[], float] = time.time, worker: int = 0, monotonic: Callable[[], float] = time.monotonic) -> Formatter:
    """One JSON object a line; `time` is when the request began, `worker` the slot."""
    second = UsualSecond(wall, monotonic, worker)
    names = _Names()

    def line(exchange: Exchange) -> bytes:
        started, cluster, backend = exchange.started, exchange.cluster, exchange.backend
        connected, responded, texts = exchange.connected, exchange.responded, exchange.texts.json
        passed = started - second.began
        if not 0.0 <= passed < 1.0:
            second.turn(started)
            passed = started - second.began
        if texts is None or cluster is None or backend is None or connected is None or responded is None or exchange.ended or exchange.retries:
            return _unusual(exchange, worker, second.text, passed)
        values = (
            passed * 1000,
            exchange.request_id,
            exchange.session,
            exchange.client,
            texts,
            exchange.status,
            exchange.finished - started,
            exchange.bytes_in,
            exchange.bytes_out,
            names[cluster],
            names[backend],
            responded - started,
        )
        return second.at_hand % values if connected == started else second.opened % (*values, connected - started)

    return line


def _unusual(exchange: Exchange, worker: int, second: bytes, passed: float) -> bytes:
    """The line of an exchange in which anything may be missing, or has to be escaped."""
    started = f"{second.decode()}.{int(passed * 1000):03}Z"
    encoded = _json(exchange, worker, started, _decoded)
    # JSON escapes quotes and controls by itself. What else is not printable ASCII is rare: look for it once, in the whole.
    if not encoded.isascii() or b"\x7f" in encoded:
        encoded = _json(exchange, worker, started, _plain)
    return encoded + b"\n"


_encode = msgspec.json.Encoder().encode


def _json(exchange: Exchange, worker: int, moment: str, text: Callable[[Text], str | None]) -> bytes:
    started, texts = exchange.started, exchange.texts

    def after(moment: float | None) -> float | None:
        return None if moment is None else _microseconds(moment - started)

    return _encode(
        Line(
            moment,
            text(exchange.request_id) or "",
            worker,
            exchange.session,
            text(exchange.client) or "",
            text(texts.method) or "",
            text(texts.authority) or "",
            text(texts.path) or "",
            exchange.status,
            _microseconds(exchange.finished - started),
            exchange.bytes_in,
            exchange.bytes_out,
            text(exchange.cluster),
            text(exchange.backend),
            after(exchange.connected),
            after(exchange.responded),
            text(texts.user_agent),
            exchange.retries,
            text(exchange.ended),
            text(texts.tls),
            text(texts.sni),
        )
    )


def _microseconds(seconds: float) -> float:
    return int(seconds * 1e6 + 0.5) / 1e6  # half the price of round()


def common_formatter(wall: Callable[[], float] = time.time) -> Formatter:
    """NCSA common log format: what every log reader reads."""
    clock = WallClock("%d/%b/%Y:%H:%M:%S +0000", wall)

    def line(exchange: Exchange) -> bytes:
        return (_common(exchange, clock) + "\n").encode("ascii")

    return line


def combined_formatter(wall: Callable[[], float] = time.time) -> Formatter:
    """The common format with referrer (not kept, so "-") and user agent."""
    clock = WallClock("%d/%b/%Y:%H:%M:%S +0000", wall)

    def line(exchange: Exchange) -> bytes:
        return f'{_common(exchange, clock)} "-" "{_quotable(exchange.texts.user_agent)}"\n'.encode("ascii")

    return line


def _common(exchange: Exchange, clock: WallClock) -> str:
    moment, _ = clock.ago(exchange.finished - exchange.started)
    host = (_plain(exchange.client) or "-").rpartition(":")[0] or "-"
    request = f"{_quotable(exchange.texts.method)} {_quotable(exchange.texts.path)} HTTP/1.1"
    return f'{host} - - [{moment}] "{request}" {exchange.status or "-"} {exchange.bytes_out or "-"}'


def _decoded(text: Text) -> str | None:
    """Byte for byte; None for what is absent."""
    if not text:
        return None
    return text.decode("latin-1") if text.__class__ is bytes else str(text)


def _plain(text: Text) -> str | None:
    r"""Printable ASCII as it is, any other byte as \xNN. None for what is absent."""
    decoded = _decoded(text)
    return None if decoded is None else _escaped(decoded)


def _quotable(text: Text) -> str:
    """The same between double quotes, where a quote or backslash of the client's would end or bend the field."""
    return _escaped((_decoded(text) or "-").replace("\\", "\\\\").replace('"', '\\"'))


def _escaped(plain: str) -> str:
    if plain.isascii() and plain.isprintable():
        return plain
    return "".join(c if c.isascii() and c.isprintable() else _escape(c) for c in plain)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii") if ord(character) > 0xFF else f"\\x{ord(character):02x}"


def formatter_for(kind: LogFormat, worker: int = 0) -> Formatter:
    """The function that makes a line of this format; `worker` is the slot of who writes it, which only JSON tells."""
    match kind:
        case LogFormat.JSON:
            return json_formatter(worker=worker)
        case LogFormat.COMMON:
            return common_formatter()
        case LogFormat.COMBINED:
            return combined_formatter()
