"""HTTP/2 frames (RFC 9113 sections 4.1 and 6): bytes to frames and back.

    parse_frame(data) -> Done(rest, frame) | Error | Incomplete        the Error's reason is a FrameFault
    http2_frame                                                        the same as a parser, for the largest frames that there are
http2_writing.py has the other direction.

A wrong header is an Error after its nine bytes; else `needed` is exact. What is checked is what one frame shows by itself: sizes, padding,
stream 0 or not, values of settings. Streams, windows and header blocks are a connection's. What "MUST be ignored" when read (reserved
bits, flags without a meaning, what padding holds) is not kept, and is written as zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from parsy import Parser

from sozu.parsers.combinators import many, map_, record, seq
from sozu.parsers.fuse import fuse, parsy_reading
from sozu.parsers.leaves import be_u8, be_u16, be_u24, be_u32
from sozu.parsers.result import Complete, Done, Error, Incomplete, Needed
from sozu.parsers.wire.http2_frames import (
    Continuation,
    Data,
    Dependency,
    Frame,
    FrameFault,
    FrameHeader,
    FrameType,
    GoAway,
    Headers,
    Ping,
    Priority,
    PushPromise,
    RstStream,
    Settings,
    Unknown,
    WindowUpdate,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sozu.parsers.fuse import Fused
    from sozu.parsers.regular import Regular
    from sozu.parsers.result import Bytes, Outcome

T = TypeVar("T")

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADER_SIZE: Final = 9
# RFC 9113 6.5.2: SETTINGS_MAX_FRAME_SIZE is 2^14 until a peer was told otherwise, and never more than 24 bits of length can say.
SMALLEST_LIMIT: Final = 2**14
LARGEST: Final = 2**24 - 1
STREAM_BITS: Final = 2**31 - 1

# One bit, two meanings: DATA and HEADERS end a stream by it, SETTINGS and PING acknowledge.
END_STREAM = ACK = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
PRIORITY: Final = 0x20

ENABLE_PUSH: Final = 2
INITIAL_WINDOW_SIZE: Final = 4
MAX_FRAME_SIZE: Final = 5

# --- Section 4.1 ------------------------------------------------------------------------------------------------------
# HTTP Frame { Length (24), Type (8), Flags (8), Reserved (1), Stream Identifier (31), Frame Payload (..) }

# RFC 9113 4.1: the reserved bit "MUST be ignored when receiving". It is masked and not checked, so that a use which it may get some day is no error
# here.
number_31: Regular[int] = map_(be_u32, STREAM_BITS.__and__)
frame_header: Regular[FrameHeader] = record(FrameHeader, be_u24, be_u8, be_u8, number_31)
HEADER: Final = fuse(frame_header)

# --- Section 6: payloads of more than one part ------------------------------------------------------------------------
# PRIORITY      { Exclusive (1), Stream Dependency (31), Weight (8) }
# SETTINGS      { Setting (48) ... }       Setting { Identifier (16), Value (32) }
# GOAWAY        { Reserved (1), Last-Stream-ID (31), Error Code (32), Additional Debug Data (..) }


def depending(word: int, weight: int) -> Dependency:
    """The top bit is a flag of its own; a weight of 1 to 256 is sent as 0 to 255."""
    return Dependency(word & STREAM_BITS, weight + 1, word > STREAM_BITS)


DEPENDENCY: Final = fuse(record(depending, be_u32, be_u8))
SETTINGS: Final = fuse(many(seq(be_u16, be_u32)))
TWO_NUMBERS: Final = fuse(seq(number_31, be_u32))
NUMBER: Final = fuse(be_u32)
NUMBER_31: Final = fuse(number_31)

# Least and greatest size (None: no other than the limit of all frames), and whether it is on a stream (None: either).
# Only types of section 6 are here. One that is not has no rule but the limit of all frames, and is passed on as Unknown (5.5): else no extension
# could ever be tried.
RULES: Final[dict[int, tuple[int, int | None, bool | None]]] = {
    FrameType.DATA: (0, None, True),
    FrameType.HEADERS: (0, None, True),
    FrameType.PRIORITY: (5, 5, True),
    FrameType.RST_STREAM: (4, 4, True),
    FrameType.SETTINGS: (0, None, False),
    FrameType.PUSH_PROMISE: (4, None, True),
    FrameType.PING: (8, 8, False),
    FrameType.GOAWAY: (8, None, False),
    FrameType.WINDOW_UPDATE: (4, 4, None),
    FrameType.CONTINUATION: (0, None, True),
}
CAN_BE_PADDED: Final = {FrameType.DATA, FrameType.HEADERS, FrameType.PUSH_PROMISE}
# Where the header is wrong: an error tells the byte, and of a header these are the fields that can be.
AT_LENGTH, AT_STREAM, AT_PAYLOAD = 0, 5, HEADER_SIZE


def parse_frame(data: Bytes, pos: int = 0, largest: int = SMALLEST_LIMIT) -> Outcome[Frame]:
    """The frame at `pos`. `largest` is the SETTINGS_MAX_FRAME_SIZE that the receiver has announced."""
    outcome = HEADER.fused(data, pos)
    if not isinstance(outcome, Done):
        return outcome
    header, begin = outcome.value, outcome.end
    # Before the payload is waited for: a peer that announces 16 MB is refused after nine bytes, and has not had us keep one of them.
    if fault := header_fault(header, largest):
        return Error(pos + (AT_STREAM if fault in STREAM_FAULTS else AT_LENGTH), frozenset([fault.rule]), fault)
    end = begin + header.length
    if end > len(data):
        return missing(data, end)
    return framed(header, bytes(data[begin:end]), data, end)


def framed(header: FrameHeader, payload: bytes, data: Bytes, end: int) -> Outcome[Frame]:
    """The frame of a payload that is there."""
    # `least_size` counts the byte that tells the padding, and the five of a priority: the padding may fill what is left and not reach into them. More
    # is an error of the connection (RFC 9113 6.1), not of the stream.
    padding = payload[0] if is_padded(header) else None
    if padding is not None and padding > header.length - least_size(header):
        return refused(FrameFault.PADDING, end - header.length)
    content = payload if padding is None else payload[1 : len(payload) - padding]
    # Padding is not looked at: 6.1 lets a receiver refuse other bytes than zeros, and does not ask for it.
    frame = READERS[header.type](header, content, padding) if header.type in READERS else unknown(header, content)
    return refused(frame, end - header.length) if isinstance(frame, FrameFault) else Done(data, frame, end)


def refused(fault: FrameFault, position: int) -> Error:
    """A rule broken by the payload."""
    return Error(position, frozenset([fault.rule]), fault)


def missing(data: Bytes, end: int) -> Error | Incomplete:
    """Less than the header promised."""
    if isinstance(data, Complete):
        return Error(len(data), frozenset([f"{end - len(data)} more bytes"]))
    return Incomplete(Needed(end - len(data)))


STREAM_FAULTS: Final = {FrameFault.STREAM_ZERO, FrameFault.STREAM_NOT_ZERO}


def header_fault(header: FrameHeader, largest: int) -> FrameFault | None:
    """What is wrong already in the header."""
    # Asked of every type, known or not: 4.2 is about frames, before anybody knows what they mean.
    if header.length > largest:
        return FrameFault.TOO_LARGE
    if header.type not in RULES:
        return None
    on_stream = RULES[header.type][2]
    if on_stream is not None and on_stream is not bool(header.stream_id):
        return FrameFault.STREAM_ZERO if on_stream else FrameFault.STREAM_NOT_ZERO
    return None if is_sized(header) else wrong_size(header)


def wrong_size(header: FrameHeader) -> FrameFault:
    """Of a PRIORITY it costs the stream, of all others the connection."""
    # RFC 9113 6.3 has a wrong PRIORITY reset its stream alone. 4.2 makes it the connection wherever a frame could alter the state of that, and 5.4.1
    # allows it for the rest.
    return FrameFault.PRIORITY_SIZE if header.type == FrameType.PRIORITY else FrameFault.SIZE


def is_sized(header: FrameHeader) -> bool:
    """Does the length suit type and flags?"""
    if header.type == FrameType.SETTINGS:
        # 6.5: an acknowledgement holds no settings, and a setting has six bytes; both are FRAME_SIZE_ERROR.
        return header.length == 0 if header.flags & ACK else header.length % 6 == 0
    greatest = RULES[header.type][1]
    return least_size(header) <= header.length and (greatest is None or header.length <= greatest)


def least_size(header: FrameHeader) -> int:
    """What a type must hold, with the parts that flags announce."""
    has_priority = header.type == FrameType.HEADERS and header.flags & PRIORITY
    return RULES[header.type][0] + is_padded(header) + (5 if has_priority else 0)


def is_padded(header: FrameHeader) -> bool:
    """Does the first byte tell the size of padding at the end?"""
    return header.type in CAN_BE_PADDED and bool(header.flags & PADDED)


# --- One reader for each type: (header, payload without padding, padding) -> frame, or the rule that it breaks --------


def read_headers(header: FrameHeader, content: bytes, padding: int | None) -> Frame:
    """Section 6.2."""
    priority = exactly(DEPENDENCY, content) if header.flags & PRIORITY else None
    fragment = content if priority is None else content[5:]
    end_stream, end_headers = bool(header.flags & END_STREAM), bool(header.flags & END_HEADERS)
    return Headers(header.stream_id, fragment, end_stream, end_headers, priority, padding)


def read_settings(header: FrameHeader, content: bytes, padding: int | None) -> Frame | FrameFault:  # noqa: ARG001 - all readers are called alike
    """Section 6.5."""
    # All values in their order, also one that comes twice: 6.5.3 has them applied one after the other, so the last one holds.
    values = tuple(exactly(SETTINGS, content))
    fault = next((fault for pair in values if (fault := setting_fault(*pair))), None)
    return fault or Settings(values, bool(header.flags & ACK))


def setting_fault(identifier: int, value: int) -> FrameFault | None:
    """Section 6.5.2."""
    # The only setting whose bound has an error code of its own: a window above 2^31 - 1 is FLOW_CONTROL_ERROR, not PROTOCOL_ERROR. Identifiers that
    # are not known MUST be ignored, so they can have any value.
    if identifier == INITIAL_WINDOW_SIZE:
        return FrameFault.WINDOW_SETTING if value > STREAM_BITS else None
    is_wrong = (identifier == ENABLE_PUSH and value > 1) or (
        identifier == MAX_FRAME_SIZE and not SMALLEST_LIMIT <= value <= LARGEST
    )
    return FrameFault.SETTING if is_wrong else None


def read_push_promise(header: FrameHeader, content: bytes, padding: int | None) -> Frame | FrameFault:
    """Section 6.6."""
    promised = exactly(NUMBER_31, content)
    if not promised:
        return FrameFault.PROMISED_STREAM
    return PushPromise(header.stream_id, promised, content[4:], bool(header.flags & END_HEADERS), padding)


def read_goaway(header: FrameHeader, content: bytes, padding: int | None) -> Frame:  # noqa: ARG001 - all readers are called alike
    """Section 6.8."""
    last, code = exactly(TWO_NUMBERS, content[:8])
    return GoAway(last, code, content[8:])


def read_window_update(header: FrameHeader, content: bytes, padding: int | None) -> Frame | FrameFault:  # noqa: ARG001 - all readers are called alike
    """Section 6.9."""
    increment = exactly(NUMBER_31, content)
    # 6.9: an increment of 0 resets the stream, and on stream 0 ends the connection. One fault serves for both: its rule tells the difference, and the
    # caller knows the stream.
    return WindowUpdate(header.stream_id, increment) if increment else FrameFault.INCREMENT


READERS: Final[dict[int, Callable[[FrameHeader, bytes, int | None], Frame | FrameFault]]] = {
    FrameType.DATA: lambda header, data, pad: Data(header.stream_id, data, bool(header.flags & END_STREAM), pad),
    FrameType.HEADERS: read_headers,
    FrameType.PRIORITY: lambda header, content, _: Priority(header.stream_id, exactly(DEPENDENCY, content)),
    FrameType.RST_STREAM: lambda header, content, _: RstStream(header.stream_id, exactly(NUMBER, content)),
    FrameType.SETTINGS: read_settings,
    FrameType.PUSH_PROMISE: read_push_promise,
    FrameType.PING: lambda header, content, _: Ping(content, bool(header.flags & ACK)),
    FrameType.GOAWAY: read_goaway,
    FrameType.WINDOW_UPDATE: read_window_update,
    FrameType.CONTINUATION: lambda header, content, _: Continuation(
        header.stream_id, content, bool(header.flags & END_HEADERS)
    ),
}


def unknown(header: FrameHeader, content: bytes) -> Frame:
    """An extension's frame."""
    return Unknown(header.stream_id, header.type, header.flags, content)


def exactly(parser: Fused[T], content: bytes) -> T:
    """The value of bytes whose number has been checked: that is all that these grammars can object to."""
    outcome = parser.fused(Complete(content))
    assert isinstance(outcome, Done)
    return outcome.value


class FrameParser(Parser):
    """Frames of any size. `fused` keeps the reason of an error, for which parsy's results have no room."""

    def __init__(self) -> None:
        super().__init__(parsy_reading(self.fused))

    def fused(self, data: Bytes, pos: int = 0) -> Outcome[Frame]:
        """The frame at `pos`."""
        return parse_frame(data, pos, LARGEST)


http2_frame = FrameParser()
