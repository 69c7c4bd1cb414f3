"""A Stream that speaks TLS: the same interface and the same rules, with an Engine between the socket and whoever reads and writes.

Two things differ from plain bytes:

* "The socket is readable" is not "there is something to read": a record may hold no data (a session ticket, a new key), and data may be here that
  no socket will announce. So who waits is woken by data, an end or a failure, and by nothing else.
* Records leave whole and in order, whoever writes: while a writer is parked nobody else sends. No pipes: `fill` and `drain` are for plain streams.
"""

import _socket
from collections.abc import Callable
from contextlib import suppress
from errno import EAGAIN
from typing import Final

from gevent.hub import Hub

from sozu.proxy.stream import HEAD_SIZE, Broken, Stream
from sozu.proxy.tls.engine import OVERHEAD, RECORD, Engine

MOST_UNASKED: Final = 65536  # bytes that we owe a peer who never asked for data and does not read
_RECEIVED: Final = memoryview(bytearray(4 * (RECORD + OVERHEAD)))  # no greenlet keeps anything here across a switch


class TlsStream(Stream):
    """See Stream for what all of it does. Before `begin`, only `take_bytes` and `when_bytes`."""

    __slots__ = ("_awaited", "_unsent", "engine")

    engine: Engine

    def __init__(self, sock: _socket.socket, hub: Hub) -> None:
        super().__init__(sock, hub)
        self._awaited: Callable[[], object] | None = None
        self._unsent = b""  # records that the kernel has not taken

    # ---- the handshake ----

    when_bytes = Stream.when_readable  # data or not

    def take_bytes(self) -> bytes | None:
        """What the socket has, as it is; None for nothing. Before `begin`. Does not park. Raises Broken."""
        try:
            return self._sock.recv(RECORD)
        except OSError as error:
            self._none_moved(error)
            return None

    def send_last_bytes(self, data: bytes) -> None:
        """Without TLS and without parking: all that will be said."""
        self._unsent += data
        self.send_queued()
        with suppress(OSError):  # a connection that has gone is not connected
            self._sock.shutdown(_socket.SHUT_WR)

    def begin(self, engine: Engine) -> None:
        """Speak TLS from here on."""
        self.engine = engine
        engine.stream = self

    def step(self) -> bool:
        """Go on with the handshake as far as what has come allows. Is it over? Does not park. Raises Broken."""
        try:
            over = self.engine.shake_hands()
        except Broken:
            self._send_unasked()  # the alert that tells the peer
            raise
        if not (over and self.engine.has_more):  # else the answer takes along what is to be said
            self._send_unasked()
        return over

    def receive(self) -> None:
        """Hand the engine what the socket has, if it has something. Does not park. Raises Broken."""
        try:
            size = self._sock.recv_into(_RECEIVED[: RECORD + OVERHEAD])
        except OSError as error:
            self._none_moved(error)
            return
        self.engine.feed(_RECEIVED[:size])

    def handshake(self) -> None:
        """All of it, parking. The caller bounds the time. Raises Broken."""
        while not self.step():
            Stream.wait_readable(self)
            self.receive()

    def glance(self) -> None:
        """After the handshake: what came with its end is left over for the first read. A failure is for that one to find."""
        with suppress(Broken):
            self.leftover = self._decrypt(HEAD_SIZE) or b""

    # ---- reading ----

    def read(self, most: int = HEAD_SIZE) -> bytes:
        """See Stream."""
        if not self.leftover and not self.engine.has_more:
            Stream.wait_readable(self)
        return self.take(most)

    def take(self, most: int = HEAD_SIZE) -> bytes:
        """See Stream."""
        if self.leftover:
            return self._take_leftover(most)
        while True:
            if self.engine.has_more:
                piece = self._decrypt(most)
                if piece is not None:
                    return piece
            self._receive_or_wait(RECORD + OVERHEAD)

    def read_into(self, buffer: memoryview) -> int:
        """See Stream. As many records as have come, and fit."""
        if self.leftover:
            return self._put_leftover(buffer)
        while True:
            if self.engine.has_more:
                size = self._decrypt_into(buffer)
                if size is not None:
                    return size
            Stream.wait_readable(self)
            self._receive_or_wait(len(buffer) + len(buffer) // 32 + OVERHEAD)

    def _put_leftover(self, buffer: memoryview) -> int:
        piece = self._take_leftover(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def _decrypt(self, most: int) -> bytes | None:
        """What has come; b"" at the end, None if there was no data in it."""
        found: bytes | None = None
        try:
            found = self.engine.decrypt(most)
        finally:
            if found is None:
                self._send_unasked()
        return found

    def _decrypt_into(self, buffer: memoryview) -> int | None:
        size: int | None = None
        try:
            size = self.engine.decrypt(len(buffer), buffer)
        finally:
            if size is None:
                self._send_unasked()
        return self.engine.followed(buffer, size) if size else size

    def _receive_or_wait(self, most: int) -> None:
        while True:
            try:
                size = self._sock.recv_into(_RECEIVED[:most])
            except OSError as error:
                self._none_moved(error)
                Stream.wait_readable(self)
            else:
                self.engine.feed(_RECEIVED[:size])
                return

    # ---- waiting ----

    def wait_readable(self) -> None:
        """See Stream."""
        if not self.leftover:
            self.leftover = self.read()

    def when_readable(self, call: Callable[[], object]) -> None:
        """See Stream."""
        self._awaited = call
        if self.engine.has_more:
            self._hub.loop.run_callback(self._look)
        else:
            Stream.when_readable(self, self._receive_and_look)

    def forget_readable(self) -> None:
        """See Stream."""
        self._awaited = None
        Stream.forget_readable(self)

    def _receive_and_look(self) -> None:
        try:
            self.receive()
        except Broken as broken:
            self.engine.failure = broken
        self._look()

    def _look(self) -> None:
        """Something has come: wake who waits, unless there was no data in it."""
        call = self._awaited
        if call is None:
            return
        with suppress(Broken):  # who is woken meets it again
            piece = self._decrypt(HEAD_SIZE) if self.engine.has_more else None
            if piece is None:
                self.when_readable(call)
                return
            self.leftover = piece
        self._awaited = None
        call()

    # ---- writing ----

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

    send_last = send  # the end is a record of its own

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
            self._unsent += self.engine.records()
            if len(self._unsent) > MOST_UNASKED:
                raise Broken(self, OSError("TLS: the peer asks for much and reads nothing"))
            self.send_queued()

    def send_queued(self) -> None:
        """See Stream."""
        try:
            while self._unsent or self.queued:
                if not self._unsent:
                    self._unsent, rest = self.engine.burst(memoryview(self.queued))
                    self.queued = bytes(rest)
                self._unsent = self._unsent[self._sock.send(self._unsent) :]
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
            self._say_goodbye()
        self._awaited = None
        super().close()

    def reset(self) -> None:
        """See Stream."""
        self._unsent = b""
        if hasattr(self, "engine"):
            self.engine.failure = Broken(self, OSError("TLS: reset"))
        super().reset()
