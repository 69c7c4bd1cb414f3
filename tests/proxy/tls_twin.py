"""A Stream's twin over ssl.MemoryBIO: proof that nothing above the Stream asks for more than TLS can give."""

from collections.abc import Callable
import ssl

from sozu.proxy.stream import READ_SIZE, Stream


class TlsTwin:
    """The Stream interface, with a TLS connection between it and a plain Stream."""

    def __init__(self, plain: Stream, context: ssl.SSLContext, *, server: bool) -> None:
        self.plain = plain
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        name = None if server else "localhost"
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=server, server_hostname=name)
        self.leftover = b""

    def handshake(self) -> None:
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self._send_records()
                self._receive_records(self.plain.read())
            else:
                self._send_records()
                return

    def read(self, most: int = READ_SIZE) -> bytes:
        if not self.leftover:
            return self._read_plaintext(most, self.plain.read)
        return self._take_leftover(most)

    def take(self, most: int = READ_SIZE) -> bytes:
        return self._take_leftover(most) if self.leftover else self._read_plaintext(most, self.plain.take)

    def read_into(self, buffer: memoryview) -> int:
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def _take_leftover(self, most: int) -> bytes:
        piece, self.leftover = self.leftover[:most], self.leftover[most:]
        return piece

    def _read_plaintext(self, most: int, receive: Callable[[], bytes]) -> bytes:
        while True:
            try:
                return self.tls.read(most)
            except ssl.SSLWantReadError:
                self._send_records()
                self._receive_records(receive())
            except ssl.SSLZeroReturnError:
                return b""

    def _receive_records(self, records: bytes) -> None:
        if records:
            self.incoming.write(records)
        else:
            self.incoming.write_eof()

    def _send_records(self) -> None:
        if self.outgoing.pending:
            self.plain.send(self.outgoing.read())

    def wait_readable(self) -> None:
        if not self.leftover:
            self.leftover = self._read_plaintext(READ_SIZE, self.plain.read)

    def when_readable(self, call: Callable[[], object]) -> None:
        """Idle is not "socket not readable": a record that holds no data (a session ticket) must not wake anyone."""

        def look() -> None:
            records = self.plain.take()
            self._receive_records(records)
            try:
                self.leftover = self.tls.read(READ_SIZE)
            except ssl.SSLWantReadError:
                self.plain.when_readable(look)
            except ssl.SSLZeroReturnError:
                call()
            else:
                call()

        self.plain.when_readable(look)

    @property
    def queued(self) -> bytes:
        return self.plain.queued

    def send_queued(self) -> None:
        self.plain.write(self.outgoing.read())
        self.plain.send_queued()

    def forget_readable(self) -> None:
        self.plain.forget_readable()

    def write(self, data: bytes) -> None:
        self.tls.write(data)

    def flush(self) -> None:
        self._send_records()

    def send(self, data: bytes | bytearray | memoryview) -> None:
        self.tls.write(bytes(data))
        self._send_records()

    def send_last(self, data: bytes | memoryview) -> None:
        self.send(data)

    def end(self) -> None:
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            self._send_records()

    def reset(self) -> None:
        self.plain.reset()

    def room(self, latest: int) -> int:
        return self.plain.room(latest)

    def close(self) -> None:
        self.plain.close()
