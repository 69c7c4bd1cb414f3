"""TLS without a socket: records in, data out, and the other way. OpenSSL does it; what its answers mean is told here once.

A peer ends by saying so (RFC 8446 section 6.1). One who closes without a word is at his end as a client (a request tells its own length); as a
server he has failed, since a body that ends with its connection would be cut short unseen.

All engines hand OpenSSL its records through the same two buffers, so that a connection that is idle has none. What one call leaves in them is taken out
before it ends, however it ends: nothing of one connection is there when the next one calls. They belong to one thread, the hub's.
"""

from contextlib import suppress
import ssl
from typing import Any, Final

from sozu.proxy.stream import Broken

RECORD: Final = 16384  # bytes of data at most in a record (RFC 8446 section 5.1),
OVERHEAD: Final = 261  # and of what is around them (RFC 5246 section 6.2.3 allows more, no cipher of ours takes it)
BURST: Final = 8 * RECORD
ALERT: Final = b"\x15"  # with what its record begins (RFC 8446 section 5.1)
# For all connections: a MemoryBIO never shrinks, and two of its own for each of ten thousand idle ones held what their handshakes had needed.
# The price is the rule above, and every `finally` in this file: records that stayed here would be read by the next connection as its own.
INCOMING: Final = ssl.MemoryBIO()
OUTGOING: Final = ssl.MemoryBIO()


class Engine:
    """One side of one connection. What it has to say by itself (handshake, alerts, new keys) is in `records` like all else.

    `failure` is why the connection cannot go on, in OpenSSL's words; whoever asks is told again. It names the `stream`.
    """

    __slots__ = ("_ended", "_left", "_said", "_strict", "_tls", "failure", "parted", "stream")

    def __init__(self, context: ssl.SSLContext, *, server_name: str | None = None, server: bool = True, session: object = None) -> None:
        """`server_name` is whom a client expects, and `session` one of an earlier connection on this context, to go on with."""
        # What is below ssl.SSLObject has the same methods; a frame between would be one more for every read and write.
        below: Any = context
        self._tls: Any = below._wrap_bio(INCOMING, OUTGOING, server_side=server, server_hostname=server_name, session=session)  # noqa: SLF001
        self._left: bytes | bytearray | memoryview = b""  # records that OpenSSL has not seen yet
        self._said = b""  # records that the peer has to get
        # A client's end in the middle of a request is seen by the request's own length; a backend's might be
        # a body cut short by somebody on the way, which is why TLS has a goodbye (RFC 8446 section 6.1).
        self._strict = not server
        self.parted = False  # have we said that no more will come?
        self._ended = False  # nothing comes any more
        self.failure: Broken | None = None
        self.stream: object = None

    def _keep(self) -> None:
        """What is in the buffers is ours."""
        # OpenSSL takes a record at a time and leaves the others: they belong to this connection, and wait here until it asks again.
        if INCOMING.pending:
            self._left = INCOMING.read()
        if OUTGOING.pending:
            self._said += OUTGOING.read()

    def _hand_over(self) -> None:
        """Let OpenSSL see the records that have come."""
        # Let go of: what OpenSSL takes must not be fed again, and what it leaves comes back by `_keep`.
        left, self._left = self._left, b""
        INCOMING.write(left)

    # ---- records in, data out ----

    def feed(self, records: bytes | bytearray | memoryview) -> None:
        """What the peer has sent; nothing, if he has closed. A view must be asked for before anything is written there."""
        if not records:
            self._ended = True
        elif self._left:
            # A copy only where something was left over, which is rare. Else it is the caller's view, of a buffer that the next receive overwrites.
            self._left = bytes(self._left) + records
        else:
            self._left = records

    def take(self, records: memoryview, most: int) -> bytes | None:
        """Feed and decrypt in one, for what comes nearly always: a record with data."""
        # The quick way writes straight into the buffer, and would put these records before those that wait in `_left`.
        if self._left or self.failure is not None:
            self.feed(bytes(records))
            return self.decrypt(most)  # type: ignore[no-any-return]  # bytes, without a buffer
        INCOMING.write(records)
        try:
            found: bytes | None = self._tls.read(most)
        except ssl.SSLError as error:
            found = self._none_found(error)
        finally:
            # Two tests instead of a call: nearly always the record was all there was, and this is on the way of every request.
            if INCOMING.pending or OUTGOING.pending:
                self._keep()
        # Noted, so that `has_more` stays true: who reads again gets the end again, and does not wait for a socket that has nothing more to tell.
        if not found and found is not None:
            self._ended = True
        return found

    @property
    def has_more(self) -> bool:
        """Is it worth asking, before more is fed? Asking costs less than being refused."""
        return bool(self._ended or self._left or self.failure is not None or self._tls.pending())

    @property
    def has_records(self) -> bool:
        """Is there something to say that nobody has asked for?"""
        return bool(self._said)

    def decrypt(self, *how: Any) -> Any:
        """At most so many bytes of data; with a buffer too, how many were put there. Empty at the end, None if more must be fed. Raises Broken."""
        if self.failure is not None:
            raise self.failure
        if self._left:
            self._hand_over()
        try:
            found = self._tls.read(*how)
        except ssl.SSLError as error:
            found = self._none_found(error)
        finally:
            self._keep()
        if not found and found is not None:
            self._ended = True
        return found

    def _none_found(self, error: ssl.SSLError) -> bytes | None:
        if not isinstance(error, ssl.SSLWantReadError | ssl.SSLZeroReturnError):
            raise self._failed(error) from error
        # The buffer cannot say that no more will come, since it is everybody's: OpenSSL wants more for ever, and `_ended` knows better.
        if isinstance(error, ssl.SSLWantReadError):
            if not self._ended:
                return None
            if self._strict:
                raise self._closed_without_a_word()
        return b""

    def fill(self, buffer: memoryview) -> int | None:
        """Like `decrypt` with a buffer, but all records that have come, as far as they fit."""
        if self.failure is not None:
            raise self.failure
        if self._left:
            self._hand_over()
        try:
            size: int = self._tls.read(len(buffer), buffer)
            if size:
                # All that has come, and not the first record alone: bytes behind an answer that nobody looked
                # for went back to the pool with the connection, and were the answer to the next one who asked.
                return self._fill_up(buffer, size)
        except ssl.SSLError as error:
            if self._none_found(error) is None:
                return None
        finally:
            self._keep()
        self._ended = True
        return 0

    def followed(self, buffer: memoryview, size: int) -> int:
        """The first `size` bytes of the buffer are data; so are the next ones, maybe."""
        if self._left:
            self._hand_over()
        try:
            return self._fill_up(buffer, size)
        finally:
            self._keep()

    def _fill_up(self, buffer: memoryview, size: int) -> int:
        """What goes wrong with further records is for who asks next."""
        try:
            while size < len(buffer) and (INCOMING.pending or self._tls.pending()):
                more = self._tls.read(len(buffer) - size, buffer[size:])
                if not more:
                    self._ended = True
                    break
                size += more
        except ssl.SSLError as error:
            # What was read before is good and has to be delivered; the failure is kept, and whoever asks next meets it.
            with suppress(Broken):
                self._none_found(error)
        return size

    @property
    def objects(self) -> bool:
        """Is what is to be said an alert? All else that it has to say belongs to the handshake."""
        # In TLS 1.2 the kind of a record can be read from outside. In 1.3 all of them look like data: this is asked of 1.2 only.
        return self._said[:1] == ALERT

    # ---- data in, records out ----

    def encrypt(self, data: bytes | bytearray | memoryview) -> bytes:
        """The records of some data, a record's worth at most, behind what else is to be said. Raises Broken."""
        try:
            # Nothing to write is no error: the caller wants what else is to be said.
            if data:
                self._tls.write(data)
        except ssl.SSLError as error:
            raise self._failed(error) from error
        finally:
            # Behind what was there: the records have been numbered in this order.
            self._said += OUTGOING.read()
        return self.records()

    def burst(self, data: memoryview) -> tuple[bytes, memoryview]:
        """The first records of much data, and the data that is left. Record by record: buffers that were large once stay large."""
        pieces = [self.encrypt(data[start : start + RECORD]) for start in range(0, min(len(data), BURST), RECORD)]
        return b"".join(pieces), data[BURST:]

    def records(self) -> bytes:
        """What is to be said."""
        said, self._said = self._said, b""
        return said

    # ---- beginning and end ----

    def shake_hands(self) -> bool:
        """Go on with the handshake as far as what was fed allows. Is it over? Raises Broken."""
        if self._left:
            self._hand_over()
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            # Else a peer who hangs up in the middle of it would be waited for until the deadline.
            if self._ended:
                raise self._closed_without_a_word() from None
            return False
        except ssl.SSLError as error:
            raise self._failed(error) from error
        finally:
            self._keep()
        return True

    def say_goodbye(self) -> bytes:
        """Say that no more will come from us, once; returns data that had come before. Unread, it would be a failure to OpenSSL."""
        data = b""
        if self.parted:
            return data
        self.parted = True
        while (self._left or self._tls.pending()) and self.failure is None and (piece := self._last()):
            data += piece
        try:
            self._tls.shutdown()
        except ssl.SSLError:
            return data  # it waits for the peer's goodbye, or there is nothing left to end
        finally:
            self._keep()
        return data

    def part(self) -> None:
        """The connection is closed, and nobody asks any more: free what OpenSSL holds, whoever holds us.

        In a cycle 15 kB and more would wait for the garbage collector, which does not see them and seldom comes.
        """
        # Both lead back to us: a Broken has its stream, which has this engine.
        self.stream = self.failure = None
        self._ended = True
        self._tls, self._left = None, b""

    def _last(self) -> bytes | None:
        try:
            found: bytes | None = self.decrypt(RECORD)
        except Broken:
            return None
        return found

    def _closed_without_a_word(self) -> Broken:
        self.failure = Broken(self.stream, OSError("TLS: closed without a word"))
        return self.failure

    def _failed(self, error: ssl.SSLError) -> Broken:
        # OpenSSL's own words, without its numbers and places in the source: they are looked up by operators in a log.
        reason = error.reason or str(error)
        if isinstance(error, ssl.SSLCertVerificationError):
            reason += f" ({error.verify_message.rstrip('.')})"
        self.failure = Broken(self.stream, OSError(f"TLS: {reason.lower().replace('_', ' ')}"))
        return self.failure

    # ---- what was agreed on ----

    @property
    def version(self) -> str:
        """`TLSv1.3`."""
        return str(self._tls.version())

    @property
    def session(self) -> object:
        """What a later connection to this server may go on with; None if there is nothing."""
        return self._tls.session

    @property
    def peer_certificate(self) -> bytes | None:
        """The peer's certificate in DER, if he showed one and it was verified."""
        found: bytes | None = self._tls.getpeercert(True)
        return found
