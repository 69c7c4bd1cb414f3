"""The sending half of a TlsStream: records leave whole and in order, whoever writes. While a writer is parked nobody else sends."""

import _socket
from contextlib import suppress
from errno import EAGAIN
from typing import Final

from gevent.hub import Hub

from sozu.proxy.stream import Broken, Stream
from sozu.proxy.tls.engine import RECORD, Engine

# In TLS 1.3 a peer may ask for new keys as often as he likes, and each time we owe him a
# record (RFC 8446 section 4.6.3): what is owed to one who reads nothing grew without an end.
MOST_UNASKED: Final = 65536  # bytes that we owe a peer who never asked for data and does not read


class TlsSender(Stream):
    """See TlsStream; `engine` is there when the handshake begins."""

    __slots__ = ("_unsent", "engine")

    engine: Engine

    def __init__(self, sock: _socket.socket, hub: Hub) -> None:
        super().__init__(sock, hub)
        self._unsent = b""  # records that the kernel has not taken

    def send(self, data: bytes | bytearray | memoryview) -> None:
        """See Stream."""
        # Copied before anything is sent: that may park, and `data` may be a view of the buffer that all share. What was
        # encrypted goes first, since records are numbered: out of order, the peer takes the first one for forged.
        if self.queued or self._unsent:
            data, self.queued = self.queued + bytes(data), b""
            self._send_unsent()
        if len(data) > RECORD:
            self._send_large(memoryview(data))
        else:
            self._send_records(self.engine.encrypt(data))

    def send_both(self, head: bytes, piece: bytes | memoryview) -> None:
        """See Stream."""
        # One record costs less than two, for us and for whom opens them. That is worth the copy.
        self.send(b"".join((head, piece)))

    def send_last(self, data: bytes) -> None:
        """See Stream. The end is a record of its own, and leaves with the last ones of data."""
        if self.queued or self._unsent or len(data) > RECORD:
            self.send(data)
            return
        # Two sends would be two packets, and two wake-ups of the client; what it gets so is an answer and its end in one.
        records = self.engine.encrypt(data)
        self._say_goodbye()
        # Taken out: left in `_unsent` it would be sent a second time by whoever sends next.
        end, self._unsent = self._unsent, b""
        self._send_records(records + end)

    def _send_large(self, rest: memoryview) -> None:
        """In bursts. When the kernel takes no more, what is left is copied: others will write where it is."""
        while rest:
            records, rest = self.engine.burst(rest)
            sent = self._try_to_send(records)
            if sent < len(records):
                # While we park others receive into the buffer that `rest` is a view of. Bytes cannot be written to, so they need no copy.
                rest = rest if type(rest.obj) is bytes else memoryview(bytes(rest))
                self._send_rest(memoryview(records)[sent:])

    def _send_records(self, records: bytes) -> None:
        sent = self._try_to_send(records)
        if sent < len(records):
            self._send_rest(memoryview(records)[sent:])

    def _try_to_send(self, records: bytes) -> int:
        try:
            return self._sock.send(records)
        except OSError as error:
            return self._none_moved(error)

    def _send_unsent(self) -> None:
        """Those that left without anyone waiting come first."""
        records, self._unsent = self._unsent, b""
        self._send_records(records)

    def _send_unasked(self) -> None:
        """What the engine has to say by itself, without parking. A parked writer takes it along when he goes on."""
        # A writer that is parked holds half a record: anything that is sent now would stand in the middle of it.
        if self.engine.has_records and not self.full:
            self._notice()
            self._unsent += self.engine.records()
            if len(self._unsent) > MOST_UNASKED:
                # Kept as well as raised: here it is met by whoever reads, and that may be
                # the hub, where nobody takes it. Who asks the engine next is told again.
                self.engine.failure = Broken(self, OSError("TLS: the peer asks for much and reads nothing"))
                raise self.engine.failure
            self.send_queued()

    def _notice(self) -> None:
        """The engine has something to say by itself."""

    def _next_records(self) -> bytes:
        data, self.queued = self.queued, b""
        if len(data) <= RECORD:
            # Encrypted once only: the same data a second time would be another record, and the first one's number would be missing.
            self._unsent = self.engine.encrypt(data)  # kept, should the kernel not take it
        else:
            self._unsent, rest = self.engine.burst(memoryview(data))
            self.queued = bytes(rest)
        return self._unsent

    def send_queued(self) -> None:
        """See Stream. Not beside a parked writer: he has taken along what was queued, and the watcher is his."""
        # Called by the outbox at the end of a turn, this stopped the watcher of a writer who had parked in that same turn: he was never woken.
        if self.full:
            return
        try:
            while self._unsent or self.queued:
                records = self._unsent or self._next_records()
                sent = self._sock.send(records)
                self._unsent = records[sent:] if sent < len(records) else b""
                if self._unsent:
                    break
        except (OSError, Broken) as error:
            # Nobody would meet an exception here, which is run from a callback: the end of the connection is what its reader finds.
            if not isinstance(error, OSError) or error.errno != EAGAIN:
                self.queued = self._unsent = b""
                with suppress(OSError):  # a connection that has gone is not connected
                    self._sock.shutdown(_socket.SHUT_RDWR)
        if self._unsent or self.queued:
            self._when_writable(self.send_queued)
        elif self._writer is not None:
            self._writer.stop()

    # ---- the end ----

    def end(self) -> None:
        """See Stream."""
        # The goodbye is a record as well, and says that all before it was all: what is queued has to be encrypted before it.
        self.flush()
        self._say_goodbye()
        self._send_unsent()
        super().end()

    def _say_goodbye(self) -> None:
        # What had come before the goodbye is still ours to read: a tunnel ends one way and goes on the other.
        self.leftover = bytes(self.leftover) + self.engine.say_goodbye()
        self._unsent += self.engine.records()

    def close(self) -> None:
        """See Stream."""
        # Not after a failure, and not where a writer was interrupted in the middle of a record (`full` stays set then): the peer must see that it was cut.
        if hasattr(self, "engine") and self.engine.failure is None and not self.full and self._sock.fileno() >= 0:
            self.send_queued()
            if not self.engine.parted:
                self._say_goodbye()
        super().close()
        if hasattr(self, "engine"):
            # After the socket is closed, which may still send; from here on nothing of OpenSSL's is held.
            self.engine.part()

    def reset(self) -> None:
        """See Stream."""
        self._unsent = b""
        if hasattr(self, "engine"):
            # So that `close` says no goodbye: behind half an answer it would tell the client that this was all of it (RFC 8446 section 6.1).
            self.engine.failure = Broken(self, OSError("reset by us"))
        super().reset()
