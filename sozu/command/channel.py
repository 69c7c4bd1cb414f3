"""The channel between master and worker: frames of JSON, and descriptors beside a message that says how many it brings.

It works over any stream socket of AF_UNIX with `sendmsg`, `sendall` and `recvmsg`, a plain blocking one or one of
gevent.socket: only these three and `close` are called, so nothing here needs to know which. Every read is a `recvmsg`: with
a plain `recv` the kernel would silently drop descriptors (unix(7), SCM_RIGHTS). One greenlet sends and one receives.
"""

import array
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
import os
import socket
from typing import Generic, Protocol, TypeVar

import msgspec

from sozu.command.facts import AnyFact
from sozu.command.orders import AnyOrder
from sozu.command.worker_protocol import FromMaster, FromWorker, Load, Message
from sozu.parsers.command import LONGEST_FRAME, FrameReader, frame
from sozu.parsers.reasons import Refusal

MOST_DESCRIPTORS = 253  # SCM_MAX_FD of the kernel, for one message
ORDERS_LIMIT = LONGEST_FRAME - 4096  # what is left for orders beside the other fields of Load and Publish
_READ_SIZE = 65536
# Room for as many as one message can bring: with less the kernel would cut the list (MSG_CTRUNC) and close the rest.
_ANCILLARY_SIZE = socket.CMSG_SPACE(MOST_DESCRIPTORS * array.array("i").itemsize)

Received = TypeVar("Received", bound=Message)
Item = TypeVar("Item")
Said = TypeVar("Said", bound=AnyOrder | AnyFact)


class ChannelError(Exception):
    """Nothing more will come over this channel."""


class ChannelClosed(ChannelError):
    """The other end has closed, between two messages. A worker goes on serving; a master looks at the worker's pidfd."""


class ChannelBroken(ChannelError):
    """The other end does not speak our language: not a message, over the limit, cut in two, or descriptors that do not match."""


class StreamSocket(Protocol):
    """What a channel needs of its socket; socket.socket and gevent.socket.socket have it."""

    def sendmsg(self, buffers: Iterable[memoryview], ancdata: Iterable[tuple[int, int, bytes]], /) -> int:
        """Send some of the bytes, with all of the descriptors."""
        ...

    def sendall(self, data: memoryview, /) -> None:
        """Send all of the bytes."""
        ...

    def recvmsg(
        self, bufsize: int, ancbufsize: int, flags: int, /
    ) -> tuple[bytes, list[tuple[int, int, bytes]], int, object]:
        """Receive bytes and descriptors."""
        ...

    def fileno(self) -> int:
        """The socket's own descriptor."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class Channel(Generic[Received]):
    """One end of a channel; `decoder` says which messages are understood here."""

    def __init__(self, sock: StreamSocket, decoder: msgspec.json.Decoder[Received], unread: bytes = b"") -> None:
        """`unread` is what another process has read of the next message."""
        self._sock = sock
        self._decoder = decoder
        self._reader = FrameReader()
        self._frames: deque[bytes] = deque()
        self._feed(unread)
        self._descriptors: deque[int] = deque()

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Send a message with its descriptors, which stay open here. Raises OSError if the other end is gone.

        At most 253 descriptors: split a manifest with `portions`, a list of orders with `parts`.
        """
        # Counted here and not by callers: a manifest that does not fit would break the channel at the other end.
        if message.descriptors != len(descriptors):
            message = msgspec.structs.replace(message, descriptors=len(descriptors))
        data = memoryview(frame(msgspec.json.encode(message)))
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors).tobytes())] if descriptors else []
        # Once: descriptors go with the first byte (unix(7)). What a full socket buffer leaves of the message follows as plain
        # bytes; with the descriptors again the other end would get them twice.
        sent = self._sock.sendmsg([data], rights)
        if sent < len(data):
            self._sock.sendall(data[sent:])

    def receive(self) -> tuple[Received, list[int]]:
        """The next message and its descriptors, which the caller owns now (close-on-exec is set).

        Raises ChannelClosed at the end, ChannelBroken if what came makes no sense; the descriptors of it are closed then.
        """
        # A loop, since a piece may hold half a message or several: whole ones wait here, and their descriptors in order beside
        # them.
        while not self._frames:
            self._read()
        message = self._decode(self._frames.popleft())
        # They come with the first byte, and the message is whole: so those that are missing will never come.
        if message.descriptors > len(self._descriptors):
            raise self._broken(f"{message.descriptors} descriptors announced, {len(self._descriptors)} came")
        descriptors = [self._descriptors.popleft() for _ in range(message.descriptors)]
        # Descriptors come with the first byte of their message. With no byte left over, none may be either.
        if self._descriptors and not self._frames and not self._reader.unfinished:
            surplus = len(self._descriptors)
            self._descriptors.extend(descriptors)
            raise self._broken(f"{surplus} descriptors came that no message announced")
        return message, descriptors

    @property
    def unread(self) -> bytes:
        """What has come of a message that is not whole yet."""
        return self._reader.held

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._sock.fileno()

    def close(self) -> None:
        """Close the socket, and descriptors that nobody has taken."""
        self._sock.close()
        self._close_descriptors()

    def _read(self) -> None:
        # Close-on-exec by the flag, since Python's own rule (PEP 446) does not reach descriptors that come this way: the next
        # worker that is born would have them too.
        data, ancillary, flags, _ = self._sock.recvmsg(_READ_SIZE, _ANCILLARY_SIZE, socket.MSG_CMSG_CLOEXEC)
        for level, kind, payload in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                self._descriptors.extend(_descriptors_in(payload))
        # After those that did come are in the queue: `_broken` closes them, and they would be lost open otherwise.
        if flags & socket.MSG_CTRUNC:
            raise self._broken("the kernel could not deliver all descriptors (too many open files?)")
        if not data:
            raise self._ended()
        self._feed(data)

    def _feed(self, data: bytes) -> None:
        frames = self._reader.feed(data)
        if isinstance(frames, Refusal):
            raise self._broken(f"not a frame ({frames.reason})")
        self._frames.extend(frames)

    def _decode(self, payload: bytes) -> Received:
        try:
            return self._decoder.decode(payload)
        except msgspec.MsgspecError as error:
            raise self._broken(f"not a message of this channel ({error}): {payload[:80]!r}") from error

    def _ended(self) -> ChannelError:
        # An end between two messages is how whoever leaves or dies is heard of, and callers expect it; one in the middle has lost
        # something.
        if self._reader.unfinished or self._descriptors:
            return self._broken("the other end closed in the middle of a message")
        return ChannelClosed("the other end has closed the channel")

    def _broken(self, why: str) -> ChannelBroken:
        # Nobody will ever take them: what they belong to is not known any more, and a listening socket that stays open here goes on
        # getting clients.
        self._close_descriptors()
        return ChannelBroken(why)

    def _close_descriptors(self) -> None:
        while self._descriptors:
            os.close(self._descriptors.popleft())


def channel_to_worker(sock: StreamSocket, unread: bytes = b"") -> Channel[FromWorker]:
    """The master's end."""
    # Each end understands only what the other may say: a worker in which somebody else's code runs cannot speak as the master, for
    # none of the master's messages can be decoded here.
    return Channel(sock, msgspec.json.Decoder(FromWorker), unread)


def channel_to_master(sock: StreamSocket) -> Channel[FromMaster]:
    """A worker's end."""
    # Unknown fields are passed over by msgspec, unknown kinds of messages break the channel: the schema in Hello is there to
    # prevent that.
    return Channel(sock, msgspec.json.Decoder(FromMaster))


def parts(orders: Iterable[Said], limit: int = ORDERS_LIMIT) -> Iterator[tuple[Said, ...]]:
    """Orders, or facts, in portions that fit into one message each, at least one portion, even if it is empty: the last ends a Load."""
    encoder, portion, size = msgspec.json.Encoder(), list[Said](), 0
    for order in orders:
        # Encoded once only to be measured: a frame over the limit ends the channel, and no estimate is right for PEM texts and
        # pages.
        length = len(encoder.encode(order)) + 1  # with its comma
        # An order that fits into no frame would stop every worker; that there is none is the business of the door and of the rules,
        # which bound paths, names and ids.
        if portion and size + length > limit:
            yield tuple(portion)
            portion, size = [], 0
        portion.append(order)
        size += length
    yield tuple(portion)


def facts_in(load: Load) -> Iterator[AnyFact]:
    """Those that a part of a state has, in rank order."""
    return chain(load.overrides, load.listeners, load.clusters, load.certificates, load.frontends, load.backends)


def portions(items: Sequence[Item], most: int = MOST_DESCRIPTORS) -> Iterator[Sequence[Item]]:
    """A manifest in pieces of at most `most`, at least one: so many descriptors go with one message."""
    # At least once: a worker that listens nowhere has to tell the next master who it is all the same (Found).
    for start in range(0, max(len(items), 1), most):
        yield items[start : start + most]


def _descriptors_in(payload: bytes) -> list[int]:
    descriptors = array.array("i")
    # The kernel may cut a payload in two on MSG_CTRUNC: only whole numbers are descriptors.
    descriptors.frombytes(payload[: len(payload) - len(payload) % descriptors.itemsize])
    return descriptors.tolist()
