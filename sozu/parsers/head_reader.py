"""Reads one head that may come in pieces, however small, and scans each byte a bounded number of times.

The usual case costs nothing: a whole head in the first piece is one call of the view's function. Otherwise the pieces are held, and what is
held is looked at again only when a line has ended or the unfinished line has doubled, and then only from the last line that was
found right. So a head that drips in byte by byte is linear, and an error is told at the line that holds it, not at the end.

    reader = HeadReader(request_view, limit=16384, fields=128, target=8192)
    match reader.feed(chunk):
        case Done(rest, view): ...      # rest: bytes of the chunk after the head
        case Error() as error: ...      # error.reason, .position from the head's first byte
        case Incomplete(): ...          # feed more
The reader is ready for the next head after a Done. After an Error it must not be fed again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from sozu.parsers.reasons import Reason
from sozu.parsers.result import INCOMPLETE, Done, Error, Incomplete, Outcome

if TYPE_CHECKING:
    from sozu.parsers.views import View, ViewParser

V = TypeVar("V", bound="View")

HEAD_LIMIT: Final = 16384  # bytes
FIELD_LIMIT: Final = 128  # lines
TARGET_LIMIT: Final = 8192  # bytes; RFC 9112 section 3 recommends 8000 at least
SHORTEST_FIELD: Final = 4  # bytes: `a:` CRLF


class HeadReader(Generic[V]):
    """A reader of heads, one after the other."""

    __slots__ = (
        "_checked",
        "_fields",
        "_fused",
        "_held",
        "_limit",
        "_lines",
        "_look_at",
        "_parser",
        "_roomy",
        "_target",
    )

    def __init__(
        self, parser: ViewParser[V], limit: int = HEAD_LIMIT, fields: int = FIELD_LIMIT, target: int = TARGET_LIMIT
    ) -> None:
        """`limit` bounds the head in bytes, with its empty line; `fields` the number of field lines; `target` the request-target in bytes."""
        self._parser = parser
        self._fused = parser.fused
        self._limit = limit
        self._fields = fields
        self._target = target if parser.kind.has_target else limit
        self._roomy = min(limit, fields * SHORTEST_FIELD, self._target)  # a head this short can break no limit
        self._forget()

    def _forget(self) -> None:
        """Begin a new head."""
        self._held = bytearray()
        self._checked = 0  # all before is whole, correct lines
        self._lines = 0  # how many of them are field lines
        self._look_at = 0  # when so much is held, look again though no line has ended

    @property
    def has_begun(self) -> bool:
        """Is an unfinished head held? The empty line that may stand before a request (RFC 9112 section 2.2) is none yet."""
        return bytes(self._held) not in (b"", b"\r\n")

    def feed(self, chunk: bytes) -> Outcome[V]:
        """The outcome so far. Positions count from the head's first byte; after Done, `rest` is what followed the head in `chunk`."""
        held = self._held
        if not held:
            outcome = self._fused(chunk)
            if type(outcome) is Done:
                return outcome if outcome.end <= self._roomy else self._within(outcome)
            if type(outcome) is Error:
                return outcome
        held += chunk
        if len(held) < self._look_at and b"\n" not in chunk:
            return INCOMPLETE
        return self._look(held)

    def look(self) -> Outcome[V]:
        """What is held, looked at though no line has ended: at the end of a stream."""
        return self._look(self._held) if self._held else INCOMPLETE

    def _look(self, held: bytearray) -> Outcome[V]:
        """Check the lines that are new; read the head if its end is among them."""
        if not self._checked:
            outcome: Outcome[Any] = self._parser.start_line.fused(held)
            if isinstance(outcome, Incomplete):
                return self._start_too_long(held) or self._wait(held)
            if isinstance(outcome, Error):
                return self._parser.error(outcome, bytes(held), 0)
            self._checked = outcome.end
        outcome = self._parser.section.fused(held, self._checked)
        if isinstance(outcome, Done):
            return self._finish(bytes(held))
        if isinstance(outcome, Error):
            return self._parser.error(outcome, bytes(held), 0)
        begin, self._checked = self._checked, max(self._checked, held.rfind(b"\n") + 1)
        self._lines += held.count(b"\n", begin, self._checked)
        return self._too_large(held) or self._wait(held)

    def _wait(self, held: bytearray) -> Incomplete:
        """Nothing new can be told before a line ends, or the unfinished line is twice as long."""
        bound = (
            self._limit if self._checked else min(self._limit, held.find(b" ") + 1 + self._target + LENGTH_OF_VERSION)
        )
        self._look_at = min(2 * len(held) - self._checked, bound + 1)
        return INCOMPLETE

    def _finish(self, head: bytes) -> Outcome[V]:
        """All of it is here."""
        self._forget()
        outcome = self._fused(head)
        return self._within(outcome) if isinstance(outcome, Done) else outcome

    def _start_too_long(self, held: bytearray) -> Error | None:
        """The unfinished start line of a request can only be too long because of its target: 414."""
        begin = held.find(b" ") + 1
        if self._parser.kind.has_target and begin and len(held) - begin > self._target + LENGTH_OF_VERSION:
            return refused(begin + self._target, Reason.TARGET_TOO_LONG)
        return refused(self._limit, Reason.HEAD_TOO_LARGE) if len(held) > self._limit else None

    def _too_large(self, held: bytearray) -> Error | None:
        """A head whose field lines go on for too long: 431."""
        if self._lines > self._fields:
            return refused(self._checked, Reason.TOO_MANY_FIELDS)
        return refused(self._limit, Reason.HEAD_TOO_LARGE) if len(held) > self._limit else None

    def _within(self, outcome: Done[V]) -> Outcome[V]:
        """The same outcome, if the head keeps to the limits."""
        data = bytes(outcome.data[: outcome.end])
        first_line = data.removeprefix(b"\r\n").index(b"\n")
        target = getattr(outcome.value, "target", b"")
        if len(target) > self._target:
            return refused(data.index(b" ") + 1 + self._target, Reason.TARGET_TOO_LONG)
        if data.count(b"\n", first_line + 3) - 1 > self._fields:
            return refused(outcome.end, Reason.TOO_MANY_FIELDS)
        return outcome if outcome.end <= self._limit else refused(self._limit, Reason.HEAD_TOO_LARGE)


LENGTH_OF_VERSION: Final = 11  # bytes: SP HTTP/1.1 CRLF


def refused(position: int, reason: Reason) -> Error:
    """The error for a limit."""
    return Error(position, frozenset([reason.rule.text]), reason)
