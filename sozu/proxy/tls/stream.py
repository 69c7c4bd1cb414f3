"""A Stream that speaks TLS: the same interface and the same rules, with an Engine between the socket and whoever reads and writes.

Two things differ from plain bytes:

* "The socket is readable" is not "there is something to read": a record may hold no data (a session ticket, a new key), and data may be here that
  no socket will announce. So who waits is woken by data, an end or a failure, and by nothing else.
* Records leave whole and in order, whoever writes: while a writer is parked nobody else sends. No pipes: `fill` and `drain` are for plain streams.
"""

import _socket
from collections.abc import Callable
from contextlib import suppress
import logging
from typing import Final

from gevent.hub import Hub

from sozu.proxy.forwarding import client_name
from sozu.proxy.loop.landing import LANDED
from sozu.proxy.stream import HEAD_SIZE, Broken, Stream
from sozu.proxy.tls.engine import OVERHEAD, RECORD, Engine
from sozu.proxy.tls.sending import TlsSender

log = logging.getLogger("sozu.proxy")

FAILED: Final = "TLS: "  # how reasons begin that TLS has
_RECEIVED: Final = memoryview(bytearray(4 * (RECORD + OVERHEAD)))  # no greenlet keeps anything here across a switch
_ONE_RECORD: Final = _RECEIVED[: RECORD + OVERHEAD]


class TlsStream(TlsSender):
    """See Stream for what all of it does. Before `begin`, only `take_bytes` and `when_bytes`."""

    __slots__ = ("_awaited", "_refused", "_settled")

    def __init__(self, sock: _socket.socket, hub: Hub) -> None:
        super().__init__(sock, hub)
        self._awaited: Callable[[], object] | None = None
        self._settled = False  # has a client had its handshake?
        self._refused = False  # was it told that there is no other?

    # ---- the handshake ----

    when_bytes = Stream.when_readable  # data or not

    def take_bytes(self) -> bytes | None:
        """What the socket has, as it is; None for nothing. Before `begin`. Does not park. Raises Broken."""
        try:
            return bytes(_RECEIVED[: self._sock.recv_into(_ONE_RECORD)])
        except OSError as error:
            self._none_moved(error)
            return None

    def send_last_bytes(self, data: bytes) -> None:
        """Without TLS and without parking: all that will be said."""
        self._unsent += data
        self.send_queued()
        with suppress(OSError):  # a connection that has gone is not connected
            self._sock.shutdown(_socket.SHUT_WR)

    def send_bytes(self, data: bytes) -> None:
        """Without TLS, before `begin`; returns when the kernel has all. Raises Broken."""
        Stream.send(self, data)

    def plain(self) -> Stream:
        """The connection as a stream without TLS, in the place of this one. Before `begin`."""
        sock = self._sock
        # Before the other stream makes its own: of two watchers for one descriptor this one would take bytes that are the tunnel's.
        self._reader.close()
        if self._writer is not None:
            self._writer.close()
        kept = _socket.socket(sock.family, sock.type, sock.proto, sock.detach())
        kept.setblocking(False)
        return Stream(kept, self._hub)

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
            size = self._sock.recv_into(_ONE_RECORD)
        except OSError as error:
            self._none_moved(error)
            return
        self.engine.feed(_RECEIVED[:size])

    def handshake(self) -> None:
        """All of it, parking. The caller bounds the time. Raises Broken."""
        while not self.step():
            self._wait_for_records()
            self.receive()

    def glance(self) -> None:
        """After the handshake: what came with its end is left over for the first read. A failure is for that one to find."""
        self._settled = True
        if self.engine.has_more:
            with suppress(Broken):
                self.leftover = self._decrypt(HEAD_SIZE) or b""

    # ---- reading ----

    def read(self, most: int = HEAD_SIZE) -> bytes:
        """See Stream."""
        if self.leftover:
            return self._take_leftover(most)
        if not self.engine.has_more:
            self._wait_for_records()
        while True:
            if self.engine.has_more:
                piece = self._decrypt(most)
                if piece is not None:
                    return piece
            self._receive_or_wait(RECORD + OVERHEAD)

    def grab(self) -> bytes | None:
        """See Stream."""
        if self.leftover:
            piece: bytes | None = self._take_leftover(HEAD_SIZE)
        else:
            piece = self._decrypt(HEAD_SIZE) if self.engine.has_more else None
        # Plain streams receive there. Here it is copied, so that the master finds in any case what a worker that died was doing (`loop/landing.py`).
        if piece:
            LANDED[: len(piece)] = piece
        return piece

    def grab_into(self, buffer: memoryview) -> int | None:
        """See Stream. All records that have come: what follows an answer must not be found by the next one who asks."""
        if self.leftover:
            return self.engine.followed(buffer, self._put_leftover(buffer))
        return self._decrypt_into(buffer) if self.engine.has_more else None

    def read_into(self, buffer: memoryview) -> int:
        """See Stream. As many records as have come, and fit."""
        if self.leftover:
            return self._put_leftover(buffer)
        while True:
            if self.engine.has_more:
                size = self._decrypt_into(buffer)
                if size is not None:
                    return size
            self._wait_for_records()
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
            size = self.engine.fill(buffer)
        finally:
            if size is None:
                self._send_unasked()
        return size

    def _receive_or_wait(self, most: int) -> None:
        while True:
            try:
                size = self._sock.recv_into(_RECEIVED[:most])
            except OSError as error:
                self._none_moved(error)
                self._wait_for_records()
            else:
                self.engine.feed(_RECEIVED[:size])
                return

    def _notice(self) -> None:
        """Of TLS 1.2 the only alert that is no failure. The end of the handshake may come as late: who sends data with his own gets ours with the answer."""
        engine = self.engine
        if self._settled and not self._refused and engine.failure is None and engine.version == "TLSv1.2" and engine.objects:
            self._refused = True
            self._tell("renegotiation_refused", "TLS: the client wants another handshake (RFC 5746)")

    # ---- waiting ----

    def wait_readable(self) -> None:
        """See Stream."""
        if not self.leftover:
            self.leftover = self.read()

    def _wait_for_records(self) -> None:
        self._awaited = None  # who waits now has taken the place of who was to be called
        Stream.wait_readable(self)

    def when_readable(self, call: Callable[[], object]) -> None:
        """See Stream."""
        self._awaited = call
        if self.engine.has_more:
            # Not at once: who asks is still in the middle of something, and `call` may begin the next request in it.
            self._hub.loop.run_callback(self._look)
        elif not self._armed:
            self._arm()

    def forget_readable(self) -> None:
        """See Stream."""
        self._awaited = None
        Stream.forget_readable(self)

    def _readable(self) -> None:
        if self._awaited is None:  # a greenlet waits, or nobody
            Stream._readable(self)  # noqa: SLF001 - super() would cost each request a look-up
        else:
            self._receive_and_look()

    def _receive_and_look(self) -> None:
        try:
            piece = self._received()
        except Broken as broken:
            self.engine.failure, piece = broken, None
        call = self._awaited
        if piece and call is not None:
            # Before the call, which may wait anew, close, or read what is left over.
            self.leftover, self._awaited = piece, None
            call()
        else:
            # Nobody to call, or no data: what has come is answered (a new key, an alert), and the wait goes on.
            self.leftover = piece or b""
            with suppress(Broken):  # a failure of the engine from here on: who is woken meets it
                self._send_unasked()
            self._look()

    def _received(self) -> bytes | None:
        """What nearly always has come: a record with data."""
        try:
            size = self._sock.recv_into(_ONE_RECORD)
        except OSError as error:
            self._none_moved(error)
            return None
        if size:
            return self.engine.take(_ONE_RECORD[:size], HEAD_SIZE)
        self.engine.feed(b"")
        return None

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

    def close(self) -> None:
        """See Stream."""
        self._awaited = None
        if self._settled and self.engine.failure is not None:
            self._tell_why(str(self.engine.failure))
        super().close()

    def _tell_why(self, reason: str) -> None:
        """What an exchange meets is in the access log; between exchanges there is nobody else to tell. Not what happens to plain connections too."""
        self._settled = False
        if reason.startswith(FAILED):
            self._tell("connection_failed", reason)

    def _tell(self, event: str, reason: str) -> None:
        with suppress(OSError):  # a connection that has gone is not connected
            client = client_name(self._sock.family, self._sock.getpeername()).decode()
            log.info("event=%s client=%s reason=%r", event, client, reason)
