"""A ClientHello out of its TLS records, however it was cut into them (RFC 8446 section 5.1).

    record    = type (22) version (3, 0 to 4) length (2 bytes) fragment
    handshake = type (1) length (3 bytes) body                          ; across as many records as the client likes

`client_hello` is the parser for all bytes so far; `HelloReader` takes them as they come and looks at each once. Both say Incomplete for
every truncation, with the exact number of bytes that are missing at least; plain HTTP on a TLS port is an Error at its first byte.
What the message says is hello_message.py's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from parsy import Parser

from sozu.parsers.combinators import alt, map_, recognize, seq
from sozu.parsers.fuse import fuse, parsy_reading
from sozu.parsers.leaves import from_big_endian, one_of, tag
from sozu.parsers.result import Complete, Done, Error, Incomplete, Needed
from sozu.parsers.tree import EVERY_BYTE
from sozu.parsers.wire.hello_message import ClientHello, parse_message, quick_hello
from sozu.parsers.wire.quick_hello import RECORD_HEADER, whole_message

if TYPE_CHECKING:
    from sozu.parsers.result import Bytes, Outcome

MESSAGE_HEADER: Final = 4

# "The length MUST NOT exceed 2^14 bytes", nor may a fragment be empty. The hello keeps the same limit here, whose reason is memory;
# RFC 8446 has 2^24 - 1 for it, browsers send up to 2 KB.
# The bound is in the grammar and not in a test behind it: so a length that is too large is an error at its first wrong byte, before anybody has
# waited for so much.
up_to_2_14 = alt(
    seq(tag(b"\0"), one_of(range(1, 256))),
    seq(one_of(range(1, 64)), one_of(EVERY_BYTE)),
    tag(b"\x40\0"),
)
# legacy_record_version "MUST be ignored for all purposes" (RFC 8446 5.1); clients write 3.1 in it for old servers' sake. Only what no TLS has ever
# written is refused, so that other protocols show by their first three bytes.
length = map_(recognize(up_to_2_14), from_big_endian).desc("a length of 1 to 16384")
RECORD: Final = fuse(tag(b"\x16\x03") >> one_of(range(5)) >> length)
# The type client_hello (1) and a length of three bytes, the first of which is zero for all that is up to 2^14.
MESSAGE: Final = fuse(tag(b"\x01\0") >> length)


class HelloReader:
    """Collects the hello. After Done or Error it is spent; `received` is all that was fed, for whoever does the handshake."""

    __slots__ = ("_body", "_left", "_position", "_size", "received")

    def __init__(self) -> None:
        self.received = bytearray()
        self._position = 0  # all before it is looked at
        self._left = 0  # bytes of the current record's fragment that have not been looked at
        self._body = bytearray()  # the handshake message so far
        self._size: int | None = None  # of the handshake message, when known

    def feed(self, data: Bytes) -> Outcome[ClientHello]:
        """Done with the hello, Error, or Incomplete. Positions count from the first byte ever fed."""
        # Only the very first bytes may be a whole hello: later ones continue what has begun.
        if not self.received and (quick := _whole(data)) is not None:
            self.received += data
            return Done(self.received, quick, len(data))
        self.received += data
        # Bounded whatever a client does: a hello of 16,384 bytes has no more records than that, and each turn goes on where the last one has stopped,
        # however the bytes are dripped.
        while self._size is None or len(self._body) < self._size:
            problem = self._take_fragment() if self._left else self._read_header()
            if problem is not None:
                return problem
        return self._finished()

    def _read_header(self) -> Error | Incomplete | None:
        """The header of the next record."""
        outcome = RECORD.fused(self.received, self._position)
        if not isinstance(outcome, Done):
            return self._missing() if isinstance(outcome, Incomplete) else outcome
        self._position, self._left = outcome.end, outcome.value
        return None

    def _take_fragment(self) -> Error | Incomplete | None:
        """What has come of the current fragment, but nothing beyond the message."""
        # Not beyond the message: what stands behind it in its record is no part of it, and `_finished` wants to see that it is there.
        wanted = self._left if self._size is None else min(self._left, self._size - len(self._body))
        piece = self.received[self._position : self._position + wanted]
        if not piece:
            return self._missing()
        self._body += piece
        self._position += len(piece)
        self._left -= len(piece)
        return self._read_size() if self._size is None else None

    def _read_size(self) -> Error | None:
        """The handshake header, at the beginning of the body; what was taken beyond the message goes back to its record."""
        # Even these four bytes may come in four records, so the first fragment is taken before the size of the message is known. Less than four are
        # Incomplete: then the loop in `feed` goes on to the next record.
        match MESSAGE.fused(self._body):
            case Error(position, expected):
                return Error(self._place(position), expected)
            case Done(value=size):
                self._size = MESSAGE_HEADER + size
                self._give_back(len(self._body) - self._size)
        return None

    def _give_back(self, surplus: int) -> None:
        if surplus > 0:
            del self._body[-surplus:]
            self._position -= surplus
            self._left += surplus

    def _finished(self) -> Done[ClientHello] | Error:
        """The client has nothing more to say before it is answered, so the record must end where the hello ends."""
        # RFC 8446 5.1: a message after which the keys change ends with its record, or bytes of one epoch could be read in the next. Early data
        # (0-RTT) is in records of its own behind it: it stays in `received`, for who does the handshake.
        if self._left:
            return Error(self._position, frozenset(["the end of the record"]))
        found = parse_message(bytes(self._body[MESSAGE_HEADER:]))
        if isinstance(found, Error):
            return Error(self._place(MESSAGE_HEADER + found.position), found.expected)
        return Done(self.received, found, self._position)

    def _missing(self) -> Incomplete:
        """At least what is missing of the message, and of the record header before it."""
        # A lower bound, and so never one too many: whoever reads exactly as many as are `needed` would else wait for ever for a client that has said
        # all.
        size = MESSAGE_HEADER if self._size is None else self._size
        header = 0 if self._left else RECORD_HEADER - (len(self.received) - self._position)
        return Incomplete(Needed(max(1, size - len(self._body)) + header))

    def _place(self, position: int) -> int:
        """Where a byte of the body stands among the bytes received. The records are counted for that: to keep their places would cost 2 MB for 16,384."""
        # The record at which we are ends the search: what is behind `_position` is not counted, for it may not have come.
        begin, size = RECORD_HEADER, self._fragment_size(0)
        while position >= size and begin + size < self._position:
            position, begin, size = position - size, begin + size + RECORD_HEADER, self._fragment_size(begin + size)
        return begin + position

    def _fragment_size(self, record: int) -> int:
        return int.from_bytes(self.received[record + 3 : record + RECORD_HEADER], "big")


def _whole(data: Bytes) -> ClientHello | None:
    """What nearly every client sends; None: look at it closely."""
    message = whole_message(data)
    return None if message is None else quick_hello(message)


def parse_hello(data: Bytes, pos: int = 0) -> Outcome[ClientHello]:
    """The hello at `pos`; positions count from the beginning of `data`."""
    outcome = HelloReader().feed(data[pos:])
    # The reader was fed a copy that begins at `pos`: its positions are moved back to where the caller counts from.
    if isinstance(outcome, Done):
        return Done(data, outcome.value, pos + outcome.end)
    if isinstance(outcome, Error):
        return Error(pos + outcome.position, outcome.expected)
    return Error(len(data), frozenset(["the rest of the ClientHello"])) if isinstance(data, Complete) else outcome


client_hello = Parser(parsy_reading(parse_hello))
