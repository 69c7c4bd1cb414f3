from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.parsers.result import Done
from sozu.parsers.wire.http2 import LARGEST, parse_frame
from sozu.parsers.wire.http2_frames import (
    Continuation,
    Data,
    Dependency,
    Frame,
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
from sozu.parsers.wire.http2_writing import write_frame

STREAM = st.integers(1, 2**31 - 1)
ANY_STREAM = st.integers(0, 2**31 - 1)
WORD = st.integers(0, 2**32 - 1)
BYTES = st.binary(max_size=40)
FLAG = st.booleans()
PADDING = st.none() | st.integers(0, 255)
DEPENDENCY = st.builds(Dependency, ANY_STREAM, st.integers(1, 256), FLAG)
SETTING = st.tuples(st.integers(6, 0xFFFF), WORD) | st.sampled_from(
    [(2, 0), (2, 1), (4, 2**31 - 1), (5, 2**14), (5, LARGEST)]
)
FRAMES = st.one_of(
    st.builds(Data, STREAM, BYTES, FLAG, PADDING),
    st.builds(Headers, STREAM, BYTES, FLAG, FLAG, st.none() | DEPENDENCY, PADDING),
    st.builds(Priority, STREAM, DEPENDENCY),
    st.builds(RstStream, STREAM, WORD),
    st.builds(Settings, st.lists(SETTING, max_size=5).map(tuple)),
    st.just(Settings(ack=True)),
    st.builds(PushPromise, STREAM, STREAM, BYTES, FLAG, PADDING),
    st.builds(Ping, st.binary(min_size=8, max_size=8), FLAG),
    st.builds(GoAway, ANY_STREAM, WORD, BYTES),
    st.builds(WindowUpdate, ANY_STREAM, STREAM),
    st.builds(Continuation, STREAM, BYTES, FLAG),
    st.builds(Unknown, ANY_STREAM, st.integers(10, 255), st.integers(0, 255), BYTES),
)


@pytest.mark.parametrize(
    ("frame", "data"),
    [
        (Data(1, b"ab", end_stream=True), b"\0\0\2\0\1\0\0\0\1ab"),
        (Headers(3, b"ab"), b"\0\0\2\1\4\0\0\0\3ab"),
        (Headers(3, b"ab", priority=Dependency(1)), b"\0\0\7\1\x24\0\0\0\3\0\0\0\1\x0fab"),
        (Priority(5, Dependency(3, 256, exclusive=True)), b"\0\0\5\2\0\0\0\0\5\x80\0\0\3\xff"),
        (RstStream(5, 8), b"\0\0\4\3\0\0\0\0\5\0\0\0\x08"),
        (Settings(((4, 7),)), b"\0\0\6\4\0\0\0\0\0\0\4\0\0\0\7"),
        (PushPromise(1, 2, b"ab"), b"\0\0\6\5\4\0\0\0\1\0\0\0\2ab"),
        (Ping(b"12345678", ack=True), b"\0\0\x08\6\1\0\0\0\00012345678"),
        (GoAway(7, 1, b"why"), b"\0\0\x0b\7\0\0\0\0\0\0\0\0\7\0\0\0\1why"),
        (WindowUpdate(0, 5), b"\0\0\4\x08\0\0\0\0\0\0\0\0\5"),
        (Continuation(1, b"ab"), b"\0\0\2\x09\4\0\0\0\1ab"),
        (Unknown(9, 77, 255, b"ab"), b"\0\0\2M\xff\0\0\0\x09ab"),
    ],
)
def test_each_type_has_its_layout(frame: Frame, data: bytes) -> None:
    assert write_frame(frame) == data


@given(FRAMES, BYTES)
def test_what_is_written_is_read_back(frame: Frame, after: bytes) -> None:
    data = write_frame(frame)

    assert parse_frame(data + after) == Done(data + after, frame, len(data))


def test_padding_is_zeros_and_their_number_comes_first() -> None:
    assert write_frame(Data(1, b"ab", padding=3)) == b"\0\0\6\0\x08\0\0\0\1\3ab\0\0\0"


def test_a_number_that_is_too_large_for_its_field_cannot_be_written() -> None:
    with pytest.raises(OverflowError):
        write_frame(WindowUpdate(0, 2**32))
