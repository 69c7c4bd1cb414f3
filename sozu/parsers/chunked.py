"""The chunked transfer coding (RFC 9112 section 7.1): its grammar, and a reader that finds its end in a stream.

A proxy passes a chunked body on as it came: it has to know where the body ends and that everyone else will find the same end. So the reader
does not copy payload: it tells which bytes of a piece are payload (`spans`), how many are still to come (`payload_left`, which may bypass
the reader by splice), and where in the piece the body ended.

The grammar is the RFC's with three exceptions, all refusals: at most 15 digits of size, no blank before "=" in an extension, and no trailer that
frames, routes or authenticates (RFC 9110 section 6.5.1). Blanks around ";" are the RFC's BWS, "MUST parse".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec
import parsy

from sozu.parsers.abnf import FIELD_BYTES, HEXDIG, TCHAR, WSP
from sozu.parsers.combinators import alt, many, map_, opt, recognize, seq, value, verify
from sozu.parsers.fields.lists import quoted_raw, token
from sozu.parsers.fuse import fuse
from sozu.parsers.http1 import CRLF, field_line, field_section
from sozu.parsers.leaves import tag, take, take_while, take_while1, take_while_m_n
from sozu.parsers.reasons import Reason
from sozu.parsers.result import INCOMPLETE, Bytes, Done, Error, Incomplete, Needed, Outcome

if TYPE_CHECKING:
    from parsy import Parser

# chunked-body   = *chunk last-chunk trailer-section CRLF
# chunk          = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
# chunk-size     = 1*HEXDIG
# last-chunk     = 1*("0") [ chunk-ext ] CRLF
# chunk-ext      = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
# chunk-ext-name = token
# chunk-ext-val  = token / quoted-string

# RFC 9112 7.1 demands that a recipient anticipate huge sizes and not overflow. 16 digits would still fit 64 bits, but as a signed number some
# programs read them as negative, or wrap them: two ideas of where the chunk ends. Leading zeros count, so that no line of them is endless.
LONGEST_SIZE: Final = 15  # digits: below 2**60, so no one's integer overflows

bws = take_while(WSP)
# Blanks after a size must lead to a ";": "3 \r\n", which nginx takes and llhttp does not, is refused.
semicolon = alt(tag(b";"), seq(take_while1(WSP), tag(b";")))
# The RFC's BWS before "=" is left out, and with it the grammar is LL(1): after a name a blank would begin both "BWS =" and "BWS ;". The line ends
# with CRLF and nothing else: who skips an extension up to any LF, and who skips it up to CRLF, find different chunks in one stream.
extension = seq(semicolon, bws, token, opt(seq(tag(b"="), bws, alt(quoted_raw, token))))
chunk_ext = recognize(many(extension))
chunk_size = map_(take_while_m_n(1, LONGEST_SIZE, HEXDIG), lambda digits: int(digits, 16)).desc("chunk size")
chunk_line = chunk_size << chunk_ext << CRLF
next_chunk_line = CRLF >> chunk_line  # the end of one chunk's data and the line of the next, in one match
plain_line = CRLF >> take_while_m_n(1, LONGEST_SIZE, HEXDIG) << CRLF  # the same without extension, as nearly all are

# trailer-section = *( field-line CRLF )                            RFC 9112 section 7.1.2

trailer_line = alt(value(None, CRLF), field_line)  # one line of `trailer-section CRLF`: a trailer, or the end

# RFC 9110 section 6.5.1: trailers that would frame, route or authenticate the message, or say whose connection this is. Fields that
# merely make no sense there (Content-Type, Expires…) are passed on: whoever reads them late is not misled about where the message ends.
FORBIDDEN_TRAILERS: Final = frozenset(
    b"transfer-encoding content-length host connection keep-alive proxy-connection te trailer upgrade expect "
    b"authorization proxy-authorization cookie set-cookie".split()
)

Trailers: TypeAlias = list[tuple[bytes, bytes]]


class ChunkedBody(msgspec.Struct, frozen=True):
    """A whole body: the payload of each chunk, and the trailers as (name, value)."""

    chunks: list[bytes]
    trailers: Trailers


# Names are compared in lower case, values not at all: a forbidden trailer is refused whatever it says, for an origin that merges trailers
# into the head (RFC 9110 6.5.1 warns of it) would let a client replace what this proxy has routed and checked by.
def are_allowed(trailers: Trailers) -> bool:
    """Is none of them forbidden?"""
    return not any(name.lower() in FORBIDDEN_TRAILERS for name, _ in trailers)


def data_of(size: int) -> Parser:
    """`chunk-data CRLF`; a size of zero begins no chunk."""
    # The CRLF is a part of the chunk: one that has another end than its size says would otherwise begin the next chunk line with payload.
    return take(size) << CRLF if size else parsy.fail("a chunk that is not the last")


# The coding as one grammar, for a body that is all there. It is what ChunkedReader is tested against; sizes make it more than regular.
chunk = chunk_line.bind(data_of)
last_chunk = verify(chunk_line, lambda size: size == 0, "last chunk")
trailer_section = verify(field_section, are_allowed, "trailers that are allowed")
chunked_body = parsy.seq(many(chunk) << last_chunk, trailer_section).combine(ChunkedBody)

FIRST_LINE: Final = fuse(chunk_line)
NEXT_LINE: Final = fuse(next_chunk_line)
PLAIN: Final = fuse(plain_line)
TRAILER: Final = fuse(trailer_line)
# A line with an extension that is no longer than a plain one may be costs no more than that one either: it need not be counted.
PLAIN_LINE: Final = LONGEST_SIZE + 4  # bytes: what is longer has an extension
SHORTEST_END: Final = len(b"\r\n0\r\n\r\n")


class ChunkedReader:
    """Follows one chunked body through the pieces of a stream; payload is never looked at, framing once.

    `limit_line` bounds one chunk line, `limit_extensions` all long lines of a body together, `limit_trailers` the trailer section, in
    bytes. Positions count from the beginning of the body, so they are the same however the stream is cut.

    After each `feed`, `spans` holds the payload in that piece as (start, end) indices; `payload_left` is the payload of the
    current chunk that has not come: that many bytes may be moved without showing them to the reader, told by `skip`.
    """

    __slots__ = (
        "_extensions",
        "_held",
        "_limit_extensions",
        "_limit_line",
        "_limit_trailers",
        "_line",
        "_offset",
        "_trailers",
        "_trailers_size",
        "payload_left",
        "spans",
    )

    def __init__(self, *, limit_line: int = 1024, limit_extensions: int = 16384, limit_trailers: int = 8192) -> None:
        self.payload_left = 0
        self.spans: list[tuple[int, int]] = []
        self._line = FIRST_LINE
        self._held = b""  # the beginning of a line that has not ended
        self._offset = 0  # where in the body the held bytes, or else the next piece, begin
        self._extensions = 0
        self._trailers: Trailers | None = None
        self._trailers_size = 0
        self._limit_line = limit_line
        self._limit_extensions = limit_extensions
        self._limit_trailers = limit_trailers

    def feed(self, data: Bytes) -> Outcome[Trailers]:
        """Done with the trailers, `end` telling where in `data` the body ended; or Incomplete: all of `data` belongs to the body.

        An Error tells position and reason: the body must not be passed on as if it were whole.
        """
        held = len(self._held)
        if held and self._is_more_of_a_trailer(data):
            self._held, self.spans = self._held + data, []
            return INCOMPLETE
        # Only a line that is cut is copied, never payload: that stays in the caller's buffer. What is held is read again with each piece. For a chunk
        # line the work is the square of its length, which `limit_line` bounds.
        window = self._held + bytes(data) if held else data
        outcome = self._follow(window)
        if held:
            # Held bytes are those of an unfinished line, hence never payload: no index becomes negative.
            self.spans = [(start - held, end - held) for start, end in self.spans]
        return Done(data, outcome.value, outcome.end - held) if isinstance(outcome, Done) else outcome

    def _is_more_of_a_trailer(self, data: Bytes) -> bool:
        """Does the trailer whose beginning is held go on with all of `data`, in its name or its value, and within the limit?"""
        # A trailer section may be long. Read again with each byte that drips, 8000 bytes of it would cost an eighth of a second.
        if self._trailers is None or self._held.endswith(b"\r") or self._trailers_size + len(self._held) + len(data) > self._limit_trailers:
            return False
        # What is held is right, so the next byte is known to be right too where it is of the same kind; all others are the grammar's to judge.
        return not bytes(data).translate(None, FIELD_BYTES if b":" in self._held else TCHAR)

    def skip(self, size: int) -> None:
        """`size` bytes of the current chunk's payload went another way."""
        # More would skip framing unread, which is the one thing that this reader is for.
        assert size <= self.payload_left
        self.payload_left -= size
        self._offset += size

    def _follow(self, window: Bytes) -> Outcome[Trailers]:
        """From line to line. `window` begins at the held bytes."""
        self.spans = []
        at = 0
        while self._trailers is None:
            at = self._skim(window, at)
            if self.payload_left:
                return self._hold(window, at)
            if self._trailers is None:
                line = self._line.fused(window, at)
                # The limits come before the value: a chunk behind a line that is refused must not be begun, or its payload would be passed on.
                if not isinstance(line, Done) or (line.end - at > PLAIN_LINE and self._is_excessive(line.end - at)):
                    return self._stopped(window, at, line)
                at = line.end
                self._begin(line.value)
        return self._follow_trailers(window, at, self._trailers)

    def _skim(self, window: Bytes, at: int) -> int:
        """The hot loop: payload and plain chunk lines, as far as they go. No outcome is made, the bare pattern is asked."""
        end, size = len(window), self.payload_left
        # Looked up once: a body in small chunks turns this loop for each of them. What the plain pattern does not match is left where it begins to
        # the full grammar, which decides whether it is wrong, has an extension, or is not all there.
        match, append = PLAIN.quick.match, self.spans.append
        while size:
            start, at = at, at + size
            # The rest of this chunk is still to come; nothing is held for it, so a large chunk costs no memory here.
            if at > end:
                append((start, end))
                self.payload_left = at - end
                return end
            append((start, at))
            line = match(window, at)
            if line is None:
                self.payload_left = 0
                return at
            size, at = int(line[1], 16), line.end()
            if not size:
                self._begin(size)
        return at

    def _begin(self, size: int) -> None:
        """A chunk of `size` bytes begins, or if it has none, the trailers do."""
        self.payload_left = size
        self._line = NEXT_LINE
        if not size:
            self._trailers = []

    def _follow_trailers(self, window: Bytes, at: int, trailers: Trailers) -> Outcome[Trailers]:
        """The lines after the last chunk."""
        while True:
            line = TRAILER.fused(window, at)
            # Measured by how far the line is right, not by how much has come: the limit strikes at the same byte however the stream is cut.
            size = reach(line, window) - at
            if self._trailers_size + size > self._limit_trailers:
                return self._error(at + self._limit_trailers - self._trailers_size, Reason.TRAILERS_TOO_LARGE)
            if isinstance(line, Error):
                return self._error(line.position, Reason.TRAILER_LINE, line)
            if isinstance(line, Incomplete):
                return self._hold(window, at)
            if line.value is None:
                return Done(window, trailers, line.end)
            # At the beginning of the line: no byte of it is wrong, the field is. Refused here and not at the end of the section, as what follows does not help.
            if line.value[0].lower() in FORBIDDEN_TRAILERS:
                return self._error(at, Reason.TRAILER_FORBIDDEN)
            trailers.append(line.value)
            self._trailers_size += size
            at = line.end

    def _is_excessive(self, size: int) -> bool:
        """Count a line with an extension: one that is too long, or one too many, is an attack (RFC 9112 section 7.1.1)."""
        # Bounded together, for each line alone may keep to its limit: a byte of payload with a kilobyte of extension, again and again, has a receiver
        # read a thousand times what it passes on (CVE-2023-39326 in Go, CVE-2024-22019 in Node.js).
        self._extensions += size
        return size > self._limit_line or self._extensions > self._limit_extensions

    def _stopped(self, window: Bytes, at: int, line: Outcome[int]) -> Error | Incomplete:
        """The chunk line that begins at `at` is excessive, wrong, or not all there."""
        if reach(line, window) - at > self._limit_line:
            return self._error(at + self._limit_line, Reason.CHUNK_LINE_TOO_LONG)
        if isinstance(line, Error):
            return self._error(line.position, chunk_reason(window, at, line.position, after_data=self._line is NEXT_LINE), line)
        return self._hold(window, at) if isinstance(line, Incomplete) else self._error(at, Reason.CHUNK_EXTENSIONS_TOO_LARGE)

    def _hold(self, window: Bytes, at: int) -> Incomplete:
        """Keep what begins at `at` until more comes."""
        self._held = bytes(window[at:])
        self._offset += at
        # A sound bound: behind this payload there is at least its CRLF and the last chunk. Within a line nothing is certain but one byte.
        return Incomplete(Needed(self.payload_left + SHORTEST_END)) if self.payload_left else INCOMPLETE

    def _error(self, position: int, reason: Reason, cause: Error | None = None) -> Error:
        """An error at `position` of the window."""
        return Error(self._offset + position, lambda: cause.expected if cause else frozenset(), reason)


def reach(outcome: Outcome[object], window: Bytes) -> int:
    """How far the input is known to be right: the same index for every way to cut the stream."""
    match outcome:
        case Done(end=end):
            return end
        case Error(position=position):
            return position
    return len(window)


def chunk_reason(window: Bytes, at: int, position: int, *, after_data: bool) -> Reason:
    """Which rule was broken at `position` of the chunk line that begins at `at`, its CRLF of the chunk before included?"""
    start = at + len(b"\r\n") if after_data else at
    if position < start:
        return Reason.CHUNK_END
    line = bytes(window[start:position])
    if b";" in line:
        return Reason.CHUNK_EXTENSION
    overflows = len(line) == LONGEST_SIZE and window[position] in HEXDIG
    return Reason.CHUNK_SIZE_OVERFLOW if overflows else Reason.CHUNK_SIZE
