"""HTTP/2 frames as bytes: the inverse of http2.py. What cannot be written raises OverflowError (a number too large for its field)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sozu.parsers.wire.http2 import ACK, END_HEADERS, END_STREAM, PADDED, PRIORITY
from sozu.parsers.wire.http2_frames import (
    Continuation,
    Data,
    Dependency,
    FrameType,
    GoAway,
    Headers,
    Ping,
    Priority,
    PushPromise,
    RstStream,
    Settings,
    WindowUpdate,
)

if TYPE_CHECKING:
    from sozu.parsers.wire.http2_frames import Frame


def write_frame(frame: Frame) -> bytes:  # noqa: C901 - one arm for each type
    """The frame, header and all. Its size is the caller's to keep below the peer's SETTINGS_MAX_FRAME_SIZE."""
    match frame:
        case Data(stream_id, data, end_stream, padding):
            return bytes_of(FrameType.DATA, END_STREAM * end_stream, stream_id, data, padding)
        case Headers():
            return headers(frame)
        case Priority(stream_id, priority):
            return bytes_of(FrameType.PRIORITY, 0, stream_id, dependency(priority))
        case RstStream(stream_id, error_code):
            return bytes_of(FrameType.RST_STREAM, 0, stream_id, four(error_code))
        case Settings(values, ack):
            return bytes_of(FrameType.SETTINGS, ACK * ack, 0, b"".join(setting(*pair) for pair in values))
        case PushPromise(stream_id, promised, fragment, end_headers, padding):
            content = four(promised) + fragment
            return bytes_of(FrameType.PUSH_PROMISE, END_HEADERS * end_headers, stream_id, content, padding)
        case Ping(data, ack):
            return bytes_of(FrameType.PING, ACK * ack, 0, data)
        case GoAway(last, error_code, debug):
            return bytes_of(FrameType.GOAWAY, 0, 0, four(last) + four(error_code) + debug)
        case WindowUpdate(stream_id, increment):
            return bytes_of(FrameType.WINDOW_UPDATE, 0, stream_id, four(increment))
        case Continuation(stream_id, fragment, end_headers):
            return bytes_of(FrameType.CONTINUATION, END_HEADERS * end_headers, stream_id, fragment)
        case _:
            # An Unknown is written with the flags that it came with: nobody here knows what they mean, so none of them may be lost.
            return bytes_of(frame.type, frame.flags, frame.stream_id, frame.payload)


def headers(frame: Headers) -> bytes:
    """Section 6.2."""
    flags = END_STREAM * frame.end_stream | END_HEADERS * frame.end_headers
    if frame.priority is None:
        return bytes_of(FrameType.HEADERS, flags, frame.stream_id, frame.fragment, frame.padding)
    content = dependency(frame.priority) + frame.fragment
    return bytes_of(FrameType.HEADERS, flags | PRIORITY, frame.stream_id, content, frame.padding)


def bytes_of(kind: int, flags: int, stream_id: int, content: bytes, padding: int | None = None) -> bytes:
    """Header and payload, padded if asked for."""
    # A padding of 0 is not the same as none: it has the flag and its byte (RFC 9113 6.1). So None and 0 are told apart, and what was read is written
    # alike.
    payload = content if padding is None else bytes([padding]) + content + bytes(padding)
    flags |= 0 if padding is None else PADDED
    # `to_bytes` is the check: a payload of 2^24 bytes has no length that could be written, and wrong lengths would put the peer out of step for good.
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + four(stream_id) + payload


def dependency(priority: Dependency) -> bytes:
    """Section 6.3."""
    # RFC 9113 6.3: a weight of 1 to 256 is sent as one less, so that it fits into a byte.
    return four(priority.stream_id | priority.exclusive << 31) + bytes([priority.weight - 1])


def setting(identifier: int, value: int) -> bytes:
    """Section 6.5.1."""
    return identifier.to_bytes(2, "big") + four(value)


def four(number: int) -> bytes:
    """Four bytes."""
    return number.to_bytes(4, "big")
