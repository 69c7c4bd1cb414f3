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

# The size of a buffer in the Sozu that is written in Rust. The client is answered 431 with the reason head-too-large or too-many-fields; an
# overlong target gets 414.
HEAD_LIMIT: Final = 16384  # bytes
FIELD_LIMIT: Final = 128  # lines
TARGET_LIMIT: Final = 8192  # bytes; RFC 9112 section 3 recommends 8000 at least
# So 128 fields take 512 bytes: shorter heads, which are many, need not be counted at all.
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
        # Most heads are longer than that and are counted by `find`, which is cheap; the pattern need not know any limit, and so is one for all.
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
        # Old clients send a CRLF behind the body of a POST. A connection that ends after it has ended between two requests, and nothing was cut short.
        return bytes(self._held) not in (b"", b"\r\n")

    def feed(self, chunk: bytes) -> Outcome[V]:
        """The outcome so far. Positions count from the head's first byte; after Done, `rest` is what followed the head in `chunk`."""
        held = self._held
        if not held:
            outcome = self._fused(chunk)
            # `type() is` and not isinstance: this is asked for each head, and outcomes have no subclasses.
            if type(outcome) is Done:
                return outcome if outcome.end <= self._roomy else self._broken(chunk, outcome.end) or outcome
            # A longer one goes the slow way, where a limit that is broken before the error comes first: else the answer would depend on how the head was cut.
            if type(outcome) is Error and len(chunk) <= self._roomy:
                return outcome
        held += chunk
        # A client that sends single bytes pays for a system call with each; here it costs a comparison. Without this each byte would have all
        # bytes before it read again: slow senders (Slowloris) would be dear ones, and not merely patient ones.
        if len(held) < self._look_at and b"\n" not in chunk:
            return INCOMPLETE
        return self._look(held)

    def look(self) -> Outcome[V]:
        """What is held, looked at though no line has ended: at the end of a stream."""
        return self._look(self._held) if self._held else INCOMPLETE

    def _look(self, held: bytearray) -> Outcome[V]:
        """Check the lines that are new; read the head if its end is among them. A limit that is broken comes before any error behind it."""
        if not self._checked:
            outcome: Outcome[Any] = self._parser.start_line.fused(held)
            if not isinstance(outcome, Done):
                return self._not_yet(held, outcome)
            self._checked = outcome.end
        # What follows whole, correct lines is a field section again: so the grammar can begin at the last line that was found right. Only a grammar that
        # continues itself allows this; the view's own pattern does not, and runs once, over a head that is known to be all there.
        outcome = self._parser.section.fused(held, self._checked)
        if isinstance(outcome, Done):
            # As bytes: the view keeps slices and its match, and must not see the buffer change under it.
            return self._broken(held, outcome.end) or self._finish(bytes(held))
        # Incomplete means that all of it is right so far, hence every LF ends a line that was checked; an Error never needs these counts.
        begin, self._checked = self._checked, max(self._checked, held.rfind(b"\n") + 1)
        self._lines += held.count(b"\n", begin, self._checked)
        return self._not_yet(held, outcome)

    def _not_yet(self, held: bytearray, outcome: Error | Incomplete) -> Error | Incomplete:
        """A head that is wrong, or not all there; if it keeps to the limits so far."""
        if isinstance(outcome, Error):
            return self._broken(held, outcome.position) or self._parser.error(outcome, bytes(held), 0)
        # Three cheap questions, so that the search for the broken limit, which begins at the head's first byte, is made when one may be broken.
        if self._lines > self._fields or len(held) > self._limit or not self._checked:
            return self._broken(held, len(held)) or self._wait(held)
        return self._wait(held)

    def _wait(self, held: bytearray) -> Incomplete:
        """Nothing new can be told before a line ends, or the unfinished line is twice as long."""
        target = 0 if self._checked else held.find(b" ") + 1
        bound = min(self._limit, target + self._target) if target else self._limit
        # Doubling makes the sum of all looks at one line at most twice its length. The bound has the look that breaks a limit happen at the very
        # byte, and not when the line has doubled again.
        self._look_at = min(2 * len(held) - self._checked, bound + 1)
        return INCOMPLETE

    def _finish(self, head: bytes) -> Outcome[V]:
        """All of it is here."""
        # Before the view is read: its rules may refuse the head, and the reader is in one state after either.
        self._forget()
        return self._fused(head)

    def _broken(self, head: bytes | bytearray, end: int) -> Error | None:
        """The limit that the first `end` bytes of the head go over, if they do: the same one at the same place however the head came."""
        # Always in this order: target, fields, size. A head may break several, and the client shall be told the same however it was cut.
        if self._parser.kind.has_target:
            begin = head.find(b" ", 0, end) + 1
            stop = head.find(b" ", begin, end)
            if begin and (stop if stop >= 0 else end) - begin > self._target:
                return refused(begin + self._target, Reason.TARGET_TOO_LONG)
        surplus = self._surplus_line(head, end)
        if surplus is not None:
            return refused(surplus, Reason.TOO_MANY_FIELDS)
        return refused(self._limit, Reason.HEAD_TOO_LARGE) if end > self._limit else None

    def _surplus_line(self, head: bytes | bytearray, end: int) -> int | None:
        """Where the first field line begins that is one too many, if it ends within the limit of bytes."""
        begin = len(b"\r\n") if head.startswith(b"\r\n") else 0
        for _ in range(self._fields + 1):  # the start line, and the fields that there may be
            begin = head.find(b"\n", begin, end) + 1
            if not begin:
                return None
        # The surplus line counts when it has ended, so that a head which breaks both limits is told the one that it broke first.
        stop = head.find(b"\n", begin, min(end, self._limit))
        return begin if stop >= 0 and not head.startswith(b"\r\n", begin) else None


def refused(position: int, reason: Reason) -> Error:
    """The error for a limit."""
    return Error(position, frozenset([reason.rule.text]), reason)
