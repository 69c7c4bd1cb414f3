"""What an exchange sees of a client: an HTTP/1 connection today (session.py), an HTTP/2 stream one day.

A Front receives one request at a time and answers it. It owns the deadline, which must be found while the exchange waits on
something else, and it decides what an answer looks like on its own wire.
"""

from typing import Protocol

from sozu.command.facts import Timeouts
from sozu.parsers.body import Framing
from sozu.parsers.views import ResponseView
from sozu.proxy.failures import Failure
from sozu.proxy.meaning import Answered
from sozu.proxy.record import Record
from sozu.proxy.stream import Stream


class Front(Protocol):
    """An exchange sets `min_rate` for its time; it may clear `keep` (the connection goes on afterwards) and set `unread` (some of the request will never be read)."""

    stream: Stream  # where the request's body comes from
    # A plain attribute: an exchange sets it before each wait, and the sweep reads it ten times a second.
    deadline: float
    # For each exchange anew: the next request of a connection may go to a cluster that has another rate.
    min_rate: int  # bytes of a body that the client has to send or take in a second; 0 for no bound
    # Only ever cleared during an exchange: of many who may have a reason to end the connection none can be overruled.
    keep: bool
    # Bytes that nobody reads make the kernel answer the close with a reset, which may destroy our last answer on its way: so it is
    # lingered for (RFC 9112 section 9.6).
    unread: bool
    client: bytes  # IP:port, or empty

    @property
    def listener(self) -> str:
        """The address of the listener by which it came."""

    @property
    def destination(self) -> str:
        """The same, as backends are told."""

    def throw(self, failure: Exception) -> None:
        """Raise in the greenlet of the running exchange, where it waits. Called in the hub."""

    def answer_interim(self, answered: Answered) -> None:
        """Pass a 1xx response on, if this client knows such."""

    def answer_at_once(self, record: Record, answered: Answered, source: Stream, timeouts: Timeouts) -> None:
        """Pass on, as it is, a response all of which has come."""

    def answer(self, record: Record, answered: Answered, framing: Framing, source: Stream, timeouts: Timeouts) -> None:
        """Pass the final response on, with its body from `source`; return when all of it was taken. `framing` regards the request's method."""

    def answer_switch(self, record: Record, response: ResponseView) -> None:
        """Pass a 101 on: from here on the stream is a tunnel."""

    def answer_ourselves(self, record: Record, failure: Failure) -> None:
        """Send an answer of the proxy's own, which tells of this failure."""

    def cut(self) -> None:
        """End the connection so that the client cannot take what it has for a whole answer."""
