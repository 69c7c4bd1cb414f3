import pytest

from sozu.parsers.result import Complete, Done, Error, Incomplete, run
from sozu.parsers.wire.http2 import HEADER, LARGEST, SMALLEST_LIMIT, http2_frame, parse_frame
from sozu.parsers.wire.http2_frames import (
    Continuation,
    Data,
    Dependency,
    ErrorCode,
    Frame,
    FrameFault,
    FrameHeader,
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
from tests.parsers.three_ways import reads


def binary(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream_id.to_bytes(4, "big") + payload


FRAMES: list[tuple[bytes, Frame]] = [
    (binary(0, 0, 1, b"abc"), Data(1, b"abc")),
    (binary(0, 1, 1), Data(1, b"", end_stream=True)),
    (binary(0, 8, 1, b"\2abc\0\0"), Data(1, b"abc", padding=2)),
    (binary(0, 8, 1, b"\0abc"), Data(1, b"abc", padding=0)),
    (binary(0, 8, 1, b"\3\0\0\0"), Data(1, b"", padding=3)),
    (binary(1, 5, 3, b"hpack"), Headers(3, b"hpack", end_stream=True, end_headers=True)),
    (binary(1, 0, 3, b"hpack"), Headers(3, b"hpack", end_headers=False)),
    (binary(1, 0x24, 3, b"\x80\0\0\1\xffhpack"), Headers(3, b"hpack", priority=Dependency(1, 256, exclusive=True))),
    (binary(1, 0x2C, 3, b"\1\0\0\0\0\0hpack\0"), Headers(3, b"hpack", priority=Dependency(0, 1), padding=1)),
    (binary(2, 0, 5, b"\0\0\0\3\x0f"), Priority(5, Dependency(3, 16))),
    (binary(3, 0, 5, b"\0\0\0\x08"), RstStream(5, 8)),
    (binary(4, 0, 0), Settings()),
    (binary(4, 1, 0), Settings(ack=True)),
    (binary(4, 0, 0, b"\0\3\0\0\0\x64\0\4\x7f\xff\xff\xff"), Settings(((3, 100), (4, 2**31 - 1)))),
    (binary(4, 0, 0, b"\0\2\0\0\0\1\0\5\0\0\x40\0"), Settings(((2, 1), (5, 2**14)))),
    (binary(5, 4, 1, b"\0\0\0\2hpack"), PushPromise(1, 2, b"hpack")),
    (binary(5, 8, 1, b"\1\0\0\0\2hpack\0"), PushPromise(1, 2, b"hpack", end_headers=False, padding=1)),
    (binary(6, 0, 0, b"12345678"), Ping(b"12345678")),
    (binary(6, 1, 0, b"12345678"), Ping(b"12345678", ack=True)),
    (binary(7, 0, 0, b"\0\0\0\7\0\0\0\1"), GoAway(7, 1)),
    (binary(7, 0, 0, b"\0\0\0\7\0\0\0\1why"), GoAway(7, 1, b"why")),
    (binary(8, 0, 0, b"\0\0\0\1"), WindowUpdate(0, 1)),
    (binary(8, 0, 7, b"\x7f\xff\xff\xff"), WindowUpdate(7, 2**31 - 1)),
    (binary(9, 4, 1, b"hpack"), Continuation(1, b"hpack")),
    (binary(9, 0, 1), Continuation(1, b"", end_headers=False)),
    (binary(0x10, 0xFF, 0, b"\0\0\0\1u=1"), Unknown(0, 0x10, 0xFF, b"\0\0\0\1u=1")),
]


@pytest.mark.parametrize(("data", "frame"), FRAMES)
def test_a_frame_is_read(data: bytes, frame: Frame) -> None:
    reads(http2_frame, data, frame)
    reads(http2_frame, data, frame, after=binary(6, 0, 0, b"12345678"))


def test_a_header_is_nine_bytes() -> None:
    reads(HEADER, b"\1\2\3\4\5\x80\0\0\7", FrameHeader(0x010203, 4, 5, 7))


@pytest.mark.parametrize(
    ("data", "frame"),
    [
        (binary(6, 0xFE, 0, b"12345678"), Ping(b"12345678")),
        (binary(0, 0, 0x80000001, b"x"), Data(1, b"x")),
        (binary(8, 0, 0, b"\x80\0\0\1"), WindowUpdate(0, 1)),
        (binary(7, 0, 0, b"\x80\0\0\7\0\0\0\1"), GoAway(7, 1)),
        (binary(0, 8, 1, b"\1abcx"), Data(1, b"abc", padding=1)),
    ],
)
def test_what_must_be_ignored_is_ignored(data: bytes, frame: Frame) -> None:
    assert parse_frame(data) == Done(data, frame, len(data))


def fault(data: bytes, largest: int = SMALLEST_LIMIT) -> tuple[FrameFault, int]:
    outcome = parse_frame(data, largest=largest)
    assert isinstance(outcome, Error), outcome
    assert isinstance(outcome.reason, FrameFault)
    assert outcome.expected == frozenset([outcome.reason.rule])
    return outcome.reason, outcome.position


@pytest.mark.parametrize("kind", [0, 1, 2, 3, 5, 9])
def test_a_frame_of_a_stream_is_not_of_the_connection(kind: int) -> None:
    assert fault(binary(kind, 0, 0, b"12345")[:9]) == (FrameFault.STREAM_ZERO, 5)


@pytest.mark.parametrize("kind", [4, 6, 7])
def test_a_frame_of_the_connection_is_not_of_a_stream(kind: int) -> None:
    assert fault(binary(kind, 0, 1, b"12345678")[:9]) == (FrameFault.STREAM_NOT_ZERO, 5)


@pytest.mark.parametrize(
    ("kind", "flags", "stream_id", "size"),
    [
        (0, 8, 1, 0),
        (1, 8, 1, 0),
        (1, 0x20, 1, 4),
        (1, 0x28, 1, 5),
        (3, 0, 1, 3),
        (3, 0, 1, 5),
        (4, 0, 0, 5),
        (4, 1, 0, 6),
        (5, 0, 1, 3),
        (5, 8, 1, 4),
        (6, 0, 0, 7),
        (6, 0, 0, 9),
        (7, 0, 0, 7),
        (8, 0, 0, 3),
        (8, 0, 0, 5),
    ],
)
def test_a_size_that_does_not_suit_the_type_is_an_error_before_the_payload_comes(
    kind: int, flags: int, stream_id: int, size: int
) -> None:
    assert fault(binary(kind, flags, stream_id, bytes(size))[:9]) == (FrameFault.SIZE, 0)


def test_a_priority_of_another_size_is_a_fault_of_its_own() -> None:
    assert fault(binary(2, 0, 1, b"1234")) == (FrameFault.PRIORITY_SIZE, 0)
    assert fault(binary(2, 0, 1, b"123456")) == (FrameFault.PRIORITY_SIZE, 0)


def test_a_frame_is_not_larger_than_was_announced() -> None:
    data = binary(0, 0, 1, bytes(SMALLEST_LIMIT + 1))

    assert fault(data[:9]) == (FrameFault.TOO_LARGE, 0)
    assert fault(binary(99, 0, 1, b"12")[:9], largest=1) == (FrameFault.TOO_LARGE, 0)
    assert isinstance(parse_frame(data, largest=LARGEST), Done)
    assert isinstance(run(http2_frame, data), Done)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (binary(0, 8, 1, b"\1"), FrameFault.PADDING),
        (binary(0, 8, 1, b"\4abc"), FrameFault.PADDING),
        (binary(1, 0x28, 1, b"\1\0\0\0\0\0"), FrameFault.PADDING),
        (binary(5, 8, 1, b"\1\0\0\0\2"), FrameFault.PADDING),
        (binary(4, 0, 0, b"\0\2\0\0\0\2"), FrameFault.SETTING),
        (binary(4, 0, 0, b"\0\5\0\0\x3f\xff"), FrameFault.SETTING),
        (binary(4, 0, 0, b"\0\3\0\0\0\1\0\5\1\0\0\0"), FrameFault.SETTING),
        (binary(4, 0, 0, b"\0\4\x80\0\0\0"), FrameFault.WINDOW_SETTING),
        (binary(5, 0, 1, b"\x80\0\0\0"), FrameFault.PROMISED_STREAM),
        (binary(8, 0, 1, b"\x80\0\0\0"), FrameFault.INCREMENT),
    ],
)
def test_a_payload_that_breaks_a_rule_is_an_error_at_its_beginning(data: bytes, reason: FrameFault) -> None:
    assert fault(data) == (reason, 9)
    outcome = run(http2_frame, b"xy" + data, 2)
    assert isinstance(outcome, Error)
    assert outcome.position == 11
    assert http2_frame.fused(b"xy" + data, 2) == Error(11, frozenset([reason.rule]), reason)


def test_the_bytes_that_are_missing_are_counted_exactly() -> None:
    data = binary(0, 0, 1, b"abc")

    for size in range(9, len(data)):
        outcome = parse_frame(data[:size])
        assert isinstance(outcome, Incomplete)
        assert outcome.needed.hint() == len(data) - size


def test_a_frame_that_is_cut_off_for_good_is_an_error() -> None:
    for size in range(12):
        outcome = run(http2_frame, Complete(binary(0, 0, 1, b"abc")[:size]))
        assert isinstance(outcome, Error)
        assert outcome.position == size


def test_every_fault_has_its_code() -> None:
    assert {reason.code for reason in FrameFault} == set(ErrorCode)
    assert FrameFault.WINDOW_SETTING.code is ErrorCode.FLOW_CONTROL_ERROR
