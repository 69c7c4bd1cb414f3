"""TLS without a socket: records in, data out, and the other way. OpenSSL does it; what its answers mean is told here once.

A peer ends by saying so (RFC 8446 section 6.1). One who closes without a word is at his end as a client (a request tells its own length); as a
server he has failed, since a body that ends with its connection would be cut short unseen.
"""

import ssl
from typing import Any, Final

from sozu.proxy.stream import Broken
from sozu.proxy.tls.openssl import Library

RECORD: Final = 16384  # bytes of data at most in a record (RFC 8446 section 5.1),
OVERHEAD: Final = 261  # and of what is around them (RFC 5246 section 6.2.3 allows more, no cipher of ours takes it)
BURST: Final = 8 * RECORD


class Engine:
    """One side of one connection. What it has to say by itself (handshake, alerts, new keys) is in `records` like all else.

    `failure` is why the connection cannot go on, in OpenSSL's words; whoever asks is told again. It names the `stream`.
    """

    __slots__ = ("_ended", "_incoming", "_outgoing", "_parted", "_strict", "_tls", "failure", "stream")

    def __init__(self, context: ssl.SSLContext, *, server_name: str | None = None, server: bool = True, session: object = None) -> None:
        """`server_name` is whom a client expects, and `session` one of an earlier connection on this context, to go on with."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._incoming: Any = incoming
        self._outgoing: Any = outgoing
        # What is below ssl.SSLObject has the same methods; a frame between would be one more for every read and write.
        below: Any = context
        self._tls: Any = below._wrap_bio(incoming, outgoing, server_side=server, server_hostname=server_name, session=session)  # noqa: SLF001
        self._strict = not server
        self._parted = False  # have we said that no more will come?
        self._ended = False  # nothing comes any more
        self.failure: Broken | None = None
        self.stream: object = None

    # ---- records in, data out ----

    def feed(self, records: bytes | bytearray | memoryview) -> None:
        """What the peer has sent; nothing, if he has closed."""
        if records:
            self._incoming.write(records)
        else:
            self._incoming.write_eof()
            self._ended = True

    def take(self, records: bytes, most: int) -> bytes | None:
        """Feed and decrypt in one, for what comes nearly always: a record with data."""
        self._incoming.write(records)
        try:
            found: bytes = self._tls.read(most)
        except ssl.SSLError:
            return self.decrypt(most)  # type: ignore[no-any-return]  # bytes, without a buffer
        return found or self.decrypt(most)

    @property
    def has_more(self) -> bool:
        """Is it worth asking, before more is fed? Asking costs less than being refused."""
        return bool(self._ended or self._incoming.pending or self._tls.pending() or self.failure is not None)

    @property
    def has_records(self) -> bool:
        """Is there something to say that nobody has asked for?"""
        return bool(self._outgoing.pending)

    def decrypt(self, *how: Any) -> Any:
        """At most so many bytes of data; with a buffer too, how many were put there. Empty at the end, None if more must be fed. Raises Broken."""
        if self.failure is not None:
            raise self.failure
        try:
            found = self._tls.read(*how)
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLError as error:
            found = self._at_end(error)
        if not found:
            self._ended = True
        return found

    def _at_end(self, error: ssl.SSLError) -> bytes:
        if isinstance(error, ssl.SSLZeroReturnError) or (isinstance(error, ssl.SSLEOFError) and not self._strict):
            return b""
        raise self._failed(error) from error

    def followed(self, buffer: memoryview, size: int) -> int:
        """The first `size` bytes of the buffer are data; so are the next ones, maybe. What goes wrong with them is for who asks next."""
        while size < len(buffer) and (self._incoming.pending or self._tls.pending()):
            try:
                more = self.decrypt(len(buffer) - size, buffer[size:])
            except Broken:
                break
            if not more:
                break
            size += more
        return size

    # ---- data in, records out ----

    def encrypt(self, data: bytes | bytearray | memoryview) -> bytes:
        """The records of some data, a record's worth at most, behind what else is to be said. Raises Broken."""
        try:
            if data:
                self._tls.write(data)
        except ssl.SSLError as error:
            raise self._failed(error) from error
        return self.records()

    def burst(self, data: memoryview) -> tuple[bytes, memoryview]:
        """The first records of much data, and the data that is left. Record by record: buffers that were large once stay large."""
        pieces = [self.encrypt(data[start : start + RECORD]) for start in range(0, min(len(data), BURST), RECORD)]
        return b"".join(pieces), data[BURST:]

    def records(self) -> bytes:
        """What is to be said."""
        said: bytes = self._outgoing.read()
        return said

    def give_back(self, library: Library) -> None:
        """Nothing goes through at present: free what the buffers took, of the handshake or of much data."""
        if not self._incoming.pending and not self._outgoing.pending:
            library.give_back(self._incoming)
            library.give_back(self._outgoing)

    # ---- beginning and end ----

    def shake_hands(self) -> bool:
        """Go on with the handshake as far as what was fed allows. Is it over? Raises Broken."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            raise self._failed(error) from error
        return True

    def say_goodbye(self) -> bytes:
        """Say that no more will come from us, once; returns data that had come before. Unread, it would be a failure to OpenSSL."""
        data = b""
        if self._parted:
            return data
        self._parted = True
        while (self._incoming.pending or self._tls.pending()) and self.failure is None and (piece := self._last()):
            data += piece
        try:
            self._tls.shutdown()
        except ssl.SSLError:
            return data  # it waits for the peer's goodbye, or there is nothing left to end
        return data

    def part(self) -> None:
        """The connection is closed, and nobody asks any more: free what OpenSSL holds, whoever holds us.

        In a cycle 15 kB and more would wait for the garbage collector, which does not see them and seldom comes.
        """
        self.stream = self.failure = None
        self._ended = True
        self._tls = self._incoming = self._outgoing = None

    def _last(self) -> bytes | None:
        try:
            found: bytes | None = self.decrypt(RECORD)
        except Broken:
            return None
        return found

    def _failed(self, error: ssl.SSLError) -> Broken:
        reason = "closed without a word" if isinstance(error, ssl.SSLEOFError) else error.reason or str(error)
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
    def resumed(self) -> bool:
        """Does this connection go on with a session that an earlier one began?"""
        return bool(self._tls.session_reused)

    @property
    def session(self) -> object:
        """What a later connection to this server may go on with; None if there is nothing."""
        return self._tls.session

    @property
    def peer_certificate(self) -> bytes | None:
        """The peer's certificate in DER, if he showed one and it was verified."""
        found: bytes | None = self._tls.getpeercert(True)
        return found
