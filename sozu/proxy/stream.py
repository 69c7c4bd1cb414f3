"""A byte stream to a client or a backend: the only file of the data path that touches a socket.

A Stream parks the greenlet that waits on it, and wakes it from a watcher that stays armed (DESIGN section 3.1). TLS has the same rules:

* One reader and one writer at a time; they may be two greenlets. A wait may end by an exception that someone throws into it.
* `read` waits first and receives then: right after a send, a receive would fail. `grab` is for the one whom `when_readable` has called.
* Bytes that came too early are `leftover` and come first in the next read. If they are a view, they have to be copied before a park.
* Bytes leave in the order in which they were written. `send` is write and flush; both return when the kernel has all. `send_queued` neither parks nor raises.
* Whoever sends a view of the shared buffer loses nothing: what the kernel does not take at once is copied before the greenlet parks.
"""

import _socket
from collections.abc import Callable
from contextlib import suppress
from errno import EAGAIN, errorcode
import struct
from typing import Any

from gevent.hub import Hub
from greenlet import getcurrent, greenlet

from sozu.proxy.loop.landing import LANDED, SIZE
from sozu.proxy.loop.pipes import Pipe
from sozu.proxy.loop.room import room

READABLE, WRITABLE = 1, 2  # libev's EV_READ and EV_WRITE
HEAD_SIZE = SIZE  # what is asked for where a head may begin: the kernel fills it in one go, and bytes of this size are cheap to make
READ_SIZE = 65536
RESET = struct.pack("ii", 1, 0)  # linger on, for no time: close() sends RST and drops what is unsent
Piece = bytes | memoryview

# `park(hub)` leaves the running greenlet to the hub. The hub's own `switch` first looks for things that raw greenlets have not.
park: Callable[[Hub], Any] = greenlet.switch


class Broken(Exception):
    """The connection failed. `stream` is the one that did, None if there was none yet; the text is the errno's name."""

    def __init__(self, stream: object, error: OSError) -> None:
        super().__init__(errorcode.get(error.errno or 0, str(error)))
        self.stream = stream


class Stream:
    """A connected, non-blocking raw socket on a hub's loop."""

    __slots__ = ("_armed", "_hub", "_reader", "_sock", "_wake", "_writer", "full", "leftover", "queued")

    def __init__(self, sock: _socket.socket, hub: Hub) -> None:
        self._sock = sock
        self._hub = hub
        self._reader = hub.loop.io(sock.fileno(), READABLE)
        self._writer: Any = None
        self._armed = False
        self._wake: Callable[[], object] | None = None
        self.full = False  # does somebody wait for the peer to read, or has he given up?
        self.leftover: Piece = b""
        self.queued = b""  # written, but not sent yet

    def fileno(self) -> int:
        """The descriptor, for who asks the kernel."""
        return self._sock.fileno()

    def read(self, most: int = HEAD_SIZE) -> bytes:
        """Wait for what comes next, at least one byte; b"" when the peer has ended its side."""
        if self.leftover:
            return self._take_leftover(most)
        self.wait_readable()
        while True:
            try:
                return self._sock.recv(most)
            except OSError as error:
                self._wait_unless_broken(error)

    def grab(self) -> bytes | None:
        """What has come where a request may begin (loop/landing.py), HEAD_SIZE bytes at most; b"" at the end, None for nothing. Does not park."""
        if self.leftover:
            return self._take_leftover(HEAD_SIZE)
        try:
            return LANDED[: self._sock.recv_into(LANDED)]
        except OSError as error:
            self._none_moved(error)
            return None

    def grab_into(self, buffer: memoryview) -> int | None:
        """The same where an answer may begin, into a buffer: as much as fits."""
        if self.leftover:
            return self._put_leftover(buffer)
        try:
            return self._sock.recv_into(buffer)
        except OSError as error:
            self._none_moved(error)
            return None

    def read_into(self, buffer: memoryview) -> int:
        """Wait, then put what is there into the buffer; 0 when the peer has ended its side."""
        if self.leftover:
            return self._put_leftover(buffer)
        self.wait_readable()
        while True:
            try:
                return self._sock.recv_into(buffer)
            except OSError as error:
                self._wait_unless_broken(error)

    def _put_leftover(self, buffer: memoryview) -> int:
        piece, self.leftover = self.leftover[: len(buffer)], self.leftover[len(buffer) :]
        size = len(piece)
        buffer[:size] = piece
        if HEAD_SIZE // 2 < size < len(buffer):  # behind much there is more, as a rule: both make one piece
            try:
                size += self._sock.recv_into(buffer[size:])
            except OSError as error:
                self._none_moved(error)
        return size

    def fill(self, pipe: Pipe, most: int) -> int:
        """Like `read_into`, but into a pipe; nothing may be left over."""
        self.wait_readable()
        while True:
            try:
                return pipe.fill(self._sock.fileno(), most)
            except OSError as error:
                self._wait_unless_broken(error)

    def _take_leftover(self, most: int) -> bytes:
        piece, self.leftover = self.leftover[:most], self.leftover[most:]
        return bytes(piece)

    def _wait_unless_broken(self, error: OSError) -> None:
        self._none_moved(error)
        self.wait_readable()

    # ---- waiting ----

    def wait_readable(self) -> None:
        """Park until the socket has something (bytes, an end, an error)."""
        self._wake = getcurrent().switch
        if not self._armed:
            self._arm()
        try:
            park(self._hub)
        finally:
            self._wake = None

    def when_readable(self, call: Callable[[], object]) -> None:
        """Have `call` called once, in the hub, when the stream has something; nobody needs to wait meanwhile."""
        self._wake = call
        if not self._armed:
            self._arm()

    def forget_readable(self) -> None:
        """Take `when_readable` back."""
        self._wake = None

    def _arm(self) -> None:
        self._reader.start(self._readable)
        self._armed = True

    def _readable(self) -> None:
        wake = self._wake
        if wake is None:  # the watcher is level-triggered: it would fire in every turn of the loop until someone reads
            self._reader.stop()
            self._armed = False
        else:
            self._wake = None
            wake()

    def wait_writable(self) -> None:
        """Park until the socket takes bytes. Rare on a proxy's way, so that this watcher is stopped after each wait."""
        self._when_writable(getcurrent().switch)
        self.full = True
        try:
            park(self._hub)
            # Not in `finally`: a wait that Late has ended leaves it set, by which `explained` knows that it was this peer who did not read.
            self.full = False
        finally:
            if self._writer is not None:
                self._writer.stop()

    def _when_writable(self, call: Callable[[], object]) -> None:
        if self._writer is None:
            self._writer = self._hub.loop.io(self._sock.fileno(), WRITABLE)
        self._writer.start(call)

    # ---- writing ----

    def write(self, data: bytes) -> None:
        """Queue bytes for the next `flush`."""
        self.queued += data

    def flush(self) -> None:
        """Send what is queued; return when the kernel has all of it."""
        if self.queued:
            data, self.queued = self.queued, b""
            self.send(data)

    def send(self, data: bytes | bytearray | memoryview) -> None:
        """Send what is queued, then `data`; return when the kernel has all of it."""
        if self.queued:
            data, self.queued = b"".join((self.queued, data)), b""
        self._offer(data, 0)

    def send_both(self, head: bytes, piece: Piece) -> None:
        """Send what is queued, then both in one go, without joining them first; return when the kernel has all of it."""
        head, self.queued = self.queued + head, b""
        try:
            sent = self._sock.sendmsg((head, piece))
        except OSError as error:
            sent = self._none_moved(error)
        if sent < len(head) + len(piece):
            self._send_rest(memoryview(b"".join((head, piece)))[sent:])

    def send_last(self, data: bytes) -> None:
        """Like `send`, for what `end` or `close` follows: both leave in one packet. The kernel holds the bytes back for it, 0.2 s at most."""
        if self.queued:
            self.flush()
        self._offer(data, _socket.MSG_MORE)

    def _offer(self, data: bytes | bytearray | memoryview, flags: int) -> None:
        try:
            sent = self._sock.send(data, flags)
        except OSError as error:
            sent = self._none_moved(error)
        if sent < len(data):
            self._send_rest(memoryview(data)[sent:])

    def drain(self, pipe: Pipe) -> None:
        """Send what the pipe holds; return when the kernel has all of it."""
        self.flush()
        while True:
            try:
                pipe.drain(self._sock.fileno())
            except OSError as error:
                self._none_moved(error)
            if not len(pipe):
                return
            self.wait_writable()  # without another try: what fits at once then is more than what would fit now

    def send_queued(self) -> None:
        """Send what is queued without parking: what the kernel does not take leaves when it does. A failure ends the stream for its reader."""
        queued = self.queued
        if queued:
            try:
                self.queued = queued[self._sock.send(queued) :]
            except OSError as error:
                if error.errno != EAGAIN:
                    self.queued = b""
                    with suppress(OSError):  # a connection that has gone is not connected
                        self._sock.shutdown(_socket.SHUT_RDWR)
        if self.queued:
            self._when_writable(self.send_queued)
        elif self._writer is not None and not self.full:  # also where a `send` has taken it along; not where that has parked
            self._writer.stop()

    def _send_rest(self, rest: memoryview) -> None:
        rest = rest if type(rest.obj) is bytes else memoryview(bytes(rest))  # others will write where it is
        while rest:
            self.wait_writable()
            try:
                rest = rest[self._sock.send(rest) :]
            except OSError as error:
                self._none_moved(error)

    def _none_moved(self, error: OSError) -> int:
        if error.errno == EAGAIN:
            return 0
        raise Broken(self, error) from error

    def room(self, latest: int) -> int:
        """See loop/room.py."""
        try:
            return room(self._sock, latest)
        except OSError as error:
            raise Broken(self, error) from error

    # ---- the end ----

    def end(self) -> None:
        """Say that no more bytes will come from us; reading goes on."""
        self.flush()
        try:
            self._sock.shutdown(_socket.SHUT_WR)
        except OSError as error:
            raise Broken(self, error) from error

    def reset(self) -> None:
        """Close so that the peer cannot take what it has received for a whole message."""
        self.queued = b""
        self._sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_LINGER, RESET)
        self.close()

    def close(self) -> None:
        """Close; once is enough, twice is harmless. No greenlet may be waiting. What is queued is sent as far as the kernel takes it."""
        self.send_queued()
        self._reader.close()
        if self._writer is not None:
            self._writer.close()
        self._writer = self._wake = None
        self._sock.close()
