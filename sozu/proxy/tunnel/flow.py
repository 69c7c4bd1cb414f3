"""One way of a tunnel: all bytes of a stream until it ends. Where much comes, it goes through the kernel and is not seen by us (splice(2)).

A pipe is borrowed only while full pieces come, so thousands of quiet tunnels hold none; who gets none copies.
"""

from sozu.proxy.bodies import BUFFER, MOST, Pace
from sozu.proxy.loop.pipes import PIPES, Pipe
from sozu.proxy.stream import READ_SIZE, Piece, Stream


class Flow:
    """A Body, as `bodies.relay` moves it: from `stream` to `sink`, at this pace."""

    __slots__ = ("_full", "_pace", "_sink", "_stream", "complete")

    def __init__(self, stream: Stream, sink: Stream, pace: Pace) -> None:
        self._stream = stream
        self._sink = sink
        self._pace = pace
        self._full = False  # was the last piece as large as it could be?
        self.complete = False

    def read(self, most: int) -> Piece:
        """See Body. May move any number of bytes to the sink before it returns those that are still to be sent."""
        # What came with a ClientHello may be more than one piece, and is in front of all that the kernel has.
        # The very class: a TlsStream is a Stream too, and what the kernel moves by itself is never encrypted or decrypted.
        if self._full and not self._stream.leftover and type(self._stream) is Stream and type(self._sink) is Stream and (pipe := PIPES.take()) is not None:
            self._pour(pipe)
        if self.complete:
            return b""
        self._pace.before_read()
        size = self._stream.read_into(BUFFER[:most])
        self.complete = not size
        # A full piece is the sign of more. A pipe costs two descriptors: it is worth them for much, and not for each key that is pressed.
        self._full = size == most
        return BUFFER[:size]

    def _pour(self, pipe: Pipe) -> None:
        """Until little comes at a time, or nothing more."""
        size = MOST
        try:
            # A pipe is given back as soon as less comes at a time: 64 are lent in a worker, and a tunnel that has become quiet needs none.
            while size >= READ_SIZE:
                self._pace.before_read()
                size = self._stream.fill(pipe, MOST)
                self._pace.before_write(size)
                # All of it before the next fill: bytes in the pipe are in front of all that the socket still has.
                self._sink.drain(pipe)
        finally:
            PIPES.give(pipe)
        self.complete = not size
