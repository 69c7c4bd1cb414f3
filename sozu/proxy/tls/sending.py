"""The sending half of a TlsStream: records leave whole and in order, whoever writes. While a writer is parked nobody else sends."""

import _socket
from contextlib import suppress
from errno import EAGAIN
from typing import Final

from gevent.hub import Hub

from sozu.proxy.stream import Broken, Stream
from sozu.proxy.tls.engine import RECORD, Engine

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
        if self.queued or self._unsent:
            data, self.queued = self.queued + bytes(data), b""
            self._send_unsent()
        if len(data) > RECORD:
            self._send_large(memoryview(data))
        else:
            self._send_records(self.engine.encrypt(data))

    def send_both(self, head: bytes, piece: bytes | memoryview) -> None:
        """See Stream."""
        self.send(b"".join((head, piece)))

    def send_last(self, data: bytes) -> None:
        """See Stream. The end is a record of its own, and leaves with the last ones of data."""
        if self.queued or self._unsent or len(data) > RECORD:
            self.send(data)
            return
        records = self.engine.encrypt(data)
        self._say_goodbye()
        end, self._unsent = self._unsent, b""
        self._send_records(records + end)

    def _send_large(self, rest: memoryview) -> None:
        """In bursts. When the kernel takes no more, what is left is copied: others will write where it is."""
        while rest:
            records, rest = self.engine.burst(rest)
            sent = self._try_to_send(records)
            if sent < len(records):
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
        if self.engine.has_records and not self.full:
            self._notice()
            self._unsent += self.engine.records()
            if len(self._unsent) > MOST_UNASKED:
                self.engine.failure = Broken(self, OSError("TLS: the peer asks for much and reads nothing"))
                raise self.engine.failure
            self.send_queued()

    def _notice(self) -> None:
        """The engine has something to say by itself."""

    def _next_records(self) -> bytes:
        data, self.queued = self.queued, b""
        if len(data) <= RECORD:
            self._unsent = self.engine.encrypt(data)  # kept, should the kernel not take it
        else:
            self._unsent, rest = self.engine.burst(memoryview(data))
            self.queued = bytes(rest)
        return self._unsent

    def send_queued(self) -> None:
        """See Stream. Not beside a parked writer: he has taken along what was queued, and the watcher is his."""
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
        self.flush()
        self._say_goodbye()
        self._send_unsent()
        super().end()

    def _say_goodbye(self) -> None:
        self.leftover = bytes(self.leftover) + self.engine.say_goodbye()
        self._unsent += self.engine.records()

    def close(self) -> None:
        """See Stream."""
        if hasattr(self, "engine") and self.engine.failure is None and not self.full and self._sock.fileno() >= 0:
            self.send_queued()
            if not self.engine.parted:
                self._say_goodbye()
        super().close()
        if hasattr(self, "engine"):
            self.engine.part()

    def reset(self) -> None:
        """See Stream."""
        self._unsent = b""
        if hasattr(self, "engine"):
            self.engine.failure = Broken(self, OSError("reset by us"))
        super().reset()
