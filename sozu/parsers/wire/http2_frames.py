"""What HTTP/2 frames say (RFC 9113 section 6), and the rules that a frame can break by itself. Read and written by http2.py.

`padding` is None in a frame without it, else the number of zero bytes at its end; the byte that tells the number is not counted.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final, TypeAlias

import msgspec


class FrameType(IntEnum):
    """Section 6; other types are extensions and come as `Unknown`."""

    DATA = 0x0
    HEADERS = 0x1
    PRIORITY = 0x2
    RST_STREAM = 0x3
    SETTINGS = 0x4
    PUSH_PROMISE = 0x5
    PING = 0x6
    GOAWAY = 0x7
    WINDOW_UPDATE = 0x8
    CONTINUATION = 0x9


class ErrorCode(IntEnum):
    """Those of section 7 that a single frame can deserve."""

    # The others need more than a frame in view: what came before on the stream, or the state of HPACK.
    PROTOCOL_ERROR = 0x1
    FLOW_CONTROL_ERROR = 0x3
    FRAME_SIZE_ERROR = 0x6


class FrameFault(StrEnum):
    """The rule that a frame breaks."""

    TOO_LARGE = "frame-too-large"
    SIZE = "frame-size"
    PRIORITY_SIZE = "priority-size"
    STREAM_ZERO = "stream-zero"
    STREAM_NOT_ZERO = "stream-not-zero"
    PADDING = "padding"
    SETTING = "setting"
    WINDOW_SETTING = "window-setting"
    PROMISED_STREAM = "promised-stream"
    INCREMENT = "increment"

    @property
    def code(self) -> ErrorCode:
        """What to put into GOAWAY or RST_STREAM."""
        return FAULTS[self][0]

    @property
    def rule(self) -> str:
        """Section, and the rule in a sentence."""
        return FAULTS[self][1]


FAULTS: Final = {
    FrameFault.TOO_LARGE: (ErrorCode.FRAME_SIZE_ERROR, "4.2: no frame is larger than SETTINGS_MAX_FRAME_SIZE"),
    FrameFault.SIZE: (ErrorCode.FRAME_SIZE_ERROR, "4.2: a frame has the size that its type demands"),
    # Here, and with INCREMENT below, the code does not tell what it costs: elsewhere the same one ends the connection, here the stream alone. So the
    # rule says it.
    FrameFault.PRIORITY_SIZE: (
        ErrorCode.FRAME_SIZE_ERROR,
        "6.3: PRIORITY has five bytes; else its stream is reset, no more",
    ),
    FrameFault.STREAM_ZERO: (ErrorCode.PROTOCOL_ERROR, "6: this type belongs to a stream"),
    FrameFault.STREAM_NOT_ZERO: (ErrorCode.PROTOCOL_ERROR, "6: this type belongs to the connection"),
    FrameFault.PADDING: (ErrorCode.PROTOCOL_ERROR, "6.1: padding leaves room for what it pads"),
    FrameFault.SETTING: (ErrorCode.PROTOCOL_ERROR, "6.5.2: ENABLE_PUSH is 0 or 1, MAX_FRAME_SIZE 2^14 to 2^24 - 1"),
    FrameFault.WINDOW_SETTING: (ErrorCode.FLOW_CONTROL_ERROR, "6.5.2: INITIAL_WINDOW_SIZE is below 2^31"),
    FrameFault.PROMISED_STREAM: (ErrorCode.PROTOCOL_ERROR, "6.6: a promised stream has an identifier other than 0"),
    FrameFault.INCREMENT: (
        ErrorCode.PROTOCOL_ERROR,
        "6.9: a window grows by 1 or more; on a stream, reset that stream alone",
    ),
}


class FrameHeader(msgspec.Struct, frozen=True, gc=False):
    """The first nine bytes (section 4.1). `type` is a number: types that nobody knows are legal, and ignored."""

    # Made for each frame that is read. It holds nothing but numbers and so is in no cycle: `gc=False` spares the collector a look at each.
    length: int
    type: int
    flags: int
    stream_id: int


class Dependency(msgspec.Struct, frozen=True):
    """The priority of RFC 7540, deprecated: read so that it can be skipped. `weight` is 1 to 256."""

    # RFC 9113 5.3.2 has endpoints ignore what it says; the five bytes must be known all the same, or the field block behind them could not be found.
    stream_id: int
    weight: int = 16
    exclusive: bool = False


class Data(msgspec.Struct, frozen=True):
    """Section 6.1."""

    stream_id: int
    data: bytes
    end_stream: bool = False
    padding: int | None = None


class Headers(msgspec.Struct, frozen=True):
    """Section 6.2; `fragment` is HPACK's."""

    stream_id: int
    fragment: bytes
    end_stream: bool = False
    end_headers: bool = True
    priority: Dependency | None = None
    padding: int | None = None


class Priority(msgspec.Struct, frozen=True):
    """Section 6.3."""

    stream_id: int
    priority: Dependency


class RstStream(msgspec.Struct, frozen=True):
    """Section 6.4."""

    stream_id: int
    error_code: int


class Settings(msgspec.Struct, frozen=True):
    """Section 6.5: (identifier, value) in the order in which they apply."""

    values: tuple[tuple[int, int], ...] = ()
    ack: bool = False


class PushPromise(msgspec.Struct, frozen=True):
    """Section 6.6."""

    stream_id: int
    promised_stream_id: int
    fragment: bytes
    end_headers: bool = True
    padding: int | None = None


class Ping(msgspec.Struct, frozen=True):
    """Section 6.7: eight bytes."""

    data: bytes
    ack: bool = False


class GoAway(msgspec.Struct, frozen=True):
    """Section 6.8."""

    last_stream_id: int
    error_code: int
    debug: bytes = b""


class WindowUpdate(msgspec.Struct, frozen=True):
    """Section 6.9; stream 0 is the connection's window."""

    stream_id: int
    increment: int


class Continuation(msgspec.Struct, frozen=True):
    """Section 6.10."""

    stream_id: int
    fragment: bytes
    end_headers: bool = True


class Unknown(msgspec.Struct, frozen=True):
    """A type that is not in section 6: "Implementations MUST ignore and discard frames of unknown types" (5.5)."""

    stream_id: int
    type: int
    flags: int
    payload: bytes


Frame: TypeAlias = (
    Data
    | Headers
    | Priority
    | RstStream
    | Settings
    | PushPromise
    | Ping
    | GoAway
    | WindowUpdate
    | Continuation
    | Unknown
)
