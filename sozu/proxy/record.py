"""What is remembered of one exchange, for the access log and the counters; written to while it runs, closed once."""

from time import monotonic
from typing import Final

from sozu.proxy.access_log import AccessLog, NoLog, Texts
from sozu.proxy.counters import Counters

NOTHING_READ: Final = Texts()


class Record:
    """The attributes are those of log_lines.Exchange. `status` is 0 until a final response goes out; `ended` says why, if not as it should."""

    __slots__ = (
        "backend", "bytes_in", "bytes_out", "client", "cluster", "connected", "ended", "finished", "request_id", "responded", "retries", "session", "started", "status", "texts",
    )  # fmt: skip

    finished: float

    def __init__(self, request_id: bytes, session: int, client: bytes, started: float) -> None:
        self.request_id = request_id
        self.session = session
        self.client = client
        self.started = started
        self.texts = NOTHING_READ
        self.cluster: str | None = None
        self.backend: str | None = None
        self.connected: float | None = None
        self.responded: float | None = None
        self.ended: str | None = None
        self.status = self.bytes_in = self.bytes_out = self.retries = 0

    def close(self, counters: Counters, access_log: AccessLog | NoLog) -> None:
        """The exchange is over."""
        self.finished = finished = monotonic()
        counters.requests += 1
        if self.retries:
            counters.retries += self.retries
        if self.bytes_in:
            counters.bytes_in += self.bytes_in
        counters.bytes_out += self.bytes_out
        if self.status:
            counters.answered(self.status, finished - self.started)
        access_log.record(self)
