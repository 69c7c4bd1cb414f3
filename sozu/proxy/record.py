"""What is remembered of one exchange, for the access log and the counters; written to while it runs, closed once. And the books, which it then goes to."""

from time import monotonic

from gevent.hub import Hub

from sozu.proxy.access_log import AccessLog, NoLog
from sozu.proxy.counters import Counters
from sozu.proxy.entry import AnyEntry, Texts


class Record:
    """The attributes are those of an Entry. `status` is 0 until a final response goes out; `ended` says why, if not as it should."""

    __slots__ = (
        "backend", "bytes_in", "bytes_out", "client", "cluster", "connected", "ended", "request_id", "responded", "retries", "session", "started", "status", "texts",
    )  # fmt: skip

    def __init__(self, request_id: bytes, session: int, client: bytes, texts: Texts, started: float) -> None:
        self.request_id = request_id
        self.session = session
        self.client = client
        self.texts = texts
        self.started = started
        self.cluster: str | None = None
        self.backend: str | None = None
        self.connected: float | None = None
        self.responded: float | None = None
        self.ended: str | None = None
        # A status of 0 is what the log and the counters mean by "nobody was told".
        self.status = self.bytes_in = self.bytes_out = self.retries = 0

    def close(self, books: "Books") -> None:
        """The exchange is over."""
        entries = books.entries
        # The first one of a turn asks for the callback; all others find it on its way.
        if not entries:
            books.open()
        # A tuple in the order of an Entry and not an Entry, which takes three times as long to make (entry.py).
        entries.append(
            (
                self.request_id,
                self.session,
                self.client,
                self.texts,
                self.status,
                self.started,
                self.connected,
                self.responded,
                # Not the coarse clock: people read this, and nearly all exchanges are over within a tick.
                monotonic(),
                self.cluster,
                self.backend,
                self.bytes_in,
                self.bytes_out,
                self.retries,
                self.ended,
            )
        )


class Books:
    """What exchanges have left behind in this turn of the loop: at its end, all of it is counted and becomes lines of the log.

    Many in one go cost half of what each would by itself. Whoever reads the counters or ends the log has to `settle` first.
    """

    __slots__ = ("_counters", "_hub", "_log", "entries")

    def __init__(self, hub: Hub, counters: Counters, log: AccessLog | NoLog) -> None:
        self._hub = hub
        self._counters = counters
        self._log = log
        self.entries: list[AnyEntry] = []

    def open(self) -> None:
        """The first entry of this turn is going to be made."""
        # gevent runs it when the events of this turn are handled: half the price for each, and nothing is older than a turn.
        self._hub.loop.run_callback(self.settle)

    def settle(self) -> None:
        """Count and log what was entered."""
        # Exchanged first: whoever wants the figures settles in the middle of a turn, and the callback then finds nothing, or the rest.
        entries, self.entries = self.entries, []
        if entries:
            self._counters.count(entries)
            self._log.record(entries)
