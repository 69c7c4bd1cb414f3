"""Message bodies on their way through: pieces as they come, never a whole body, never more than the receiver takes.

A Body knows where it ends (RFC 9112 section 6.3) and yields pieces as they stand on the wire: a chunked body is checked chunk by chunk and
passed on unchanged. Where the receiver needs another framing, a Body is wrapped: `Payload` takes the chunked coding off, `Chunks` puts it on.
`relay` moves one from a stream to another. Pieces are views of one buffer that all bodies of the worker share: whoever gets one has to
send or copy it before he parks. One piece per turn of the loop, since every read waits first: nobody starves behind a large body.
"""

from collections.abc import Callable
from typing import Final, Protocol, cast

from sozu.parsers.body import CHUNKED, NO_BODY, Framing, Length
from sozu.parsers.chunked import ChunkedReader
from sozu.parsers.reasons import Reason
from sozu.parsers.result import Done, Error
from sozu.proxy.clock import Clock
from sozu.proxy.loop.pipes import PIPES, Pipe
from sozu.proxy.stream import HEAD_SIZE, READ_SIZE, Piece, Stream

MOST = 1 << 20
LEAST = 16384
ANSWER_SIZE = READ_SIZE + 4096  # where a response may begin: many a body of READ_SIZE is there with its head
BAD_REQUEST = 400
HEAD_END: Final = b"\r\n\r\n"
_SHARED = bytearray(MOST)
BUFFER = memoryview(_SHARED)
LANDING: Final = BUFFER[:ANSWER_SIZE]
SHORT_LANDING: Final = BUFFER[:HEAD_SIZE]


class Ended(Exception):
    """The stream ended before the body did."""


class Malformed(Exception):
    """The chunked coding is broken. The text has the reason's code and the byte of the body; `status` is for a request."""

    def __init__(self, error: Error) -> None:
        super().__init__(f"{error.reason} at byte {error.position} of the body")
        self.reason = str(error.reason)
        self.status = error.reason.status if isinstance(error.reason, Reason) else BAD_REQUEST


class Body(Protocol):
    """A body that is being received."""

    @property
    def complete(self) -> bool:
        """Has all of it been read?"""

    def read(self, most: int) -> Piece:
        """The next piece, `most` bytes at most; nothing when the body is complete. Raises Ended, Malformed, Broken."""


class LengthBody:
    """A body of a known number of bytes."""

    __slots__ = ("_left", "_stream", "complete")

    def __init__(self, stream: Stream, size: int) -> None:
        self._stream = stream
        self._left = size
        self.complete = size == 0

    @property
    def announced(self) -> int:
        """What has not come yet."""
        return self._left

    def read(self, most: int) -> Piece:
        """See Body."""
        if self.complete:
            return b""
        return BUFFER[: self._count(self._stream.read_into(BUFFER[: min(most, self._left)]))]

    def pour(self, pipe: Pipe, most: int) -> int:
        """Like `read`, but into a pipe; tells how much."""
        return self._count(self._stream.fill(pipe, min(most, self._left)))

    def _count(self, size: int) -> int:
        # RFC 9112 section 8: a body that ends before its length is incomplete. The receiver must not take it for whole, so this is no end but a failure.
        if not size:
            raise Ended
        self._left -= size
        self.complete = not self._left
        return size

    def is_worth_a_pipe(self, sink: object) -> bool:
        """Is there much to come, and can the kernel move it from socket to socket?"""
        return self._left > MOST and type(sink) is Stream and type(self._stream) is Stream and not self._stream.leftover


class ChunkedBody:
    """A body in chunks, checked on the way. `spans` are the payload in the last piece."""

    __slots__ = ("_reader", "_stream", "complete")

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._reader = ChunkedReader()
        self.complete = False

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Where the payload is in the last piece."""
        return self._reader.spans

    @property
    def announced(self) -> int:
        """Payload of the chunk that has begun and has not come yet."""
        return self._reader.payload_left

    def read(self, most: int) -> Piece:
        """See Body. What follows the last chunk goes back to the stream."""
        if self.complete:
            return b""
        size = self._stream.read_into(BUFFER[:most])
        if not size:
            raise Ended
        piece = BUFFER[:size]
        outcome = self._reader.feed(piece)
        if isinstance(outcome, Error):
            raise Malformed(outcome)
        if isinstance(outcome, Done):
            self.complete = True
            # In front of what the stream still holds, and out of the shared buffer: these are the client's next requests.
            self._stream.leftover = bytes(piece[outcome.end :]) + self._stream.leftover
            return piece[: outcome.end]
        return piece


class UntilEnd:
    """A body that ends with the connection: a response without a length, or one way of a tunnel."""

    __slots__ = ("_stream", "complete")

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.complete = False

    def read(self, most: int) -> Piece:
        """See Body."""
        size = self._stream.read_into(BUFFER[:most])
        self.complete = not size
        return BUFFER[:size]


class Payload:
    """A chunked body without its framing, for a receiver that knows no chunks (HTTP/1.0)."""

    __slots__ = ("_body",)

    def __init__(self, body: ChunkedBody) -> None:
        self._body = body

    @property
    def complete(self) -> bool:
        """See Body."""
        return self._body.complete

    def read(self, most: int) -> Piece:
        """See Body."""
        while not self._body.complete:
            piece = self._body.read(most)
            payload = b"".join([piece[start:end] for start, end in self._body.spans])
            if payload:
                return payload
        return b""


class Chunks:
    """Any body in chunks of our making, for a receiver that must be able to tell where it ends."""

    __slots__ = ("_body", "complete")

    def __init__(self, body: Body) -> None:
        self._body = body
        self.complete = False

    def read(self, most: int) -> Piece:
        """See Body."""
        if self.complete:
            return b""
        piece = self._body.read(most)
        self.complete = not piece
        return b"".join((b"%x\r\n" % len(piece), piece, b"\r\n"))


# No body at all. It never looks at its stream.
NO_BYTES: Final = LengthBody(cast("Stream", None), 0)


def land(stream: Stream, landing: memoryview = LANDING) -> bytes:
    """What comes next where a response may begin; b"" at the end of the stream. `landing` is a part of the shared buffer, from its beginning.

    If it is much, this is a head, and what stands behind it is left over where it is: from there it can be sent without having been moved.
    """
    return landed(stream, landing, stream.read_into(landing))


def landed(stream: Stream, landing: memoryview, size: int) -> bytes:
    """The same when it has come: so many bytes."""
    if size > HEAD_SIZE:
        end = _SHARED.find(HEAD_END, 0, size)
        if end >= 0:
            end += len(HEAD_END)
            stream.leftover = landing[end:size]
            return landing[:end].tobytes()
    return landing[:size].tobytes()


def arrived(stream: Stream, size: int) -> Piece | None:
    """A body of `size` bytes, if there is reason to look whether all of it has come, and it has; else None, and nothing is lost."""
    if not HEAD_SIZE // 2 < len(stream.leftover) <= size <= READ_SIZE:
        return None
    piece = BUFFER[:size]
    if len(stream.leftover) == size:
        whole, stream.leftover = stream.leftover, b""
        return whole
    count = stream.read_into(piece)
    if count == size:
        return piece
    stream.leftover = bytes(piece[:count])
    return None


def incoming(framing: Framing, stream: Stream) -> Body:
    """The body that follows a head on this stream; what has come of it already is the stream's leftover."""
    if framing is NO_BODY:
        return NO_BYTES
    if isinstance(framing, Length):
        return LengthBody(stream, framing.size)
    return ChunkedBody(stream) if framing is CHUNKED else UntilEnd(stream)


class Timed(Protocol):
    """Whoever has the deadline of an exchange: a Front."""

    deadline: float


class Pace:
    """Moves a Front's deadline on before each wait of a relay: so long for the next piece, so long for the receiver to take it."""

    __slots__ = ("_clock", "_front", "_read_seconds", "_write_seconds", "count", "reading")

    def __init__(self, front: Timed, clock: Clock, read_seconds: float, write_seconds: float) -> None:
        self._front = front
        self._clock = clock
        self._read_seconds = read_seconds
        self._write_seconds = write_seconds
        self.reading = True
        self.count = 0

    def before_read(self) -> None:
        """The sender has its time."""
        self.reading = True
        self._front.deadline = self._clock.after(self._read_seconds)

    def before_write(self, size: int) -> None:
        """The receiver has its time. `size` is counted."""
        self.reading = False
        self.count += size
        self._front.deadline = self._clock.after(self._write_seconds)


def relay(body: Body, sink: Stream, pace: Pace, most: int = READ_SIZE) -> None:
    """Move what is left of a body to a stream, in pieces of `most` bytes at first."""
    if isinstance(body, LengthBody) and body.is_worth_a_pipe(sink) and (pipe := PIPES.take()) is not None:
        try:
            relay_through(pipe, body, sink, pace)
        finally:
            PIPES.give(pipe)
    while not body.complete:
        pace.before_read()
        piece = body.read(most)
        size = len(piece)
        pace.before_write(size)
        if size:
            sink.send(piece)
        most = next_size(most, size, sink.room)


def relay_through(pipe: Pipe, body: LengthBody, sink: Stream, pace: Pace) -> None:
    """The same, without seeing the bytes. What a pipe holds is the kernel's, and pipes are few, so pieces grow without looking at the receiver."""
    most = READ_SIZE
    while not body.complete:
        pace.before_read()
        size = body.pour(pipe, most)
        pace.before_write(size)
        sink.drain(pipe)
        most = min(2 * most, MOST)


def next_size(most: int, size: int, room: Callable[[int], int]) -> int:
    """How much to read next: twice as much after a full piece, but no more than the receiver's kernel takes at once.

    Large pieces save system calls. A client that does not read costs no more than a piece of the smallest size.
    """
    return most if size < most else max(LEAST, min(2 * most, MOST, room(size)))
