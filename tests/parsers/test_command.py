import time

from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.parsers.command import FRAME, FrameReader, command_frame, frame
from sozu.parsers.reasons import Reason, Refusal
from sozu.parsers.result import Done, Incomplete, run
from tests.parsers.three_ways import reads

payloads = st.lists(st.binary(max_size=50).map(lambda data: data.replace(b"\0", b"")), max_size=8)


def read(reader: FrameReader, data: bytes) -> list[bytes]:
    frames = reader.feed(data)
    assert isinstance(frames, list)
    return frames


def test_a_frame_is_its_payload_and_a_nul() -> None:
    assert frame(b"{}") == b"{}\0"


def test_a_payload_cannot_hold_a_nul() -> None:
    with pytest.raises(AssertionError):
        frame(b"a\0b")


def test_the_grammar_leaves_the_next_frame_alone() -> None:
    outcome = run(command_frame, b"{}\0[]\0")

    assert isinstance(outcome, Done)
    assert (outcome.value, outcome.rest) == (b"{}", b"[]\0")


@pytest.mark.parametrize("data", [b"", b"{", b"{}"])
def test_a_frame_without_its_nul_is_incomplete(data: bytes) -> None:
    assert isinstance(run(command_frame, data), Incomplete)


def test_several_frames_may_come_in_one_piece() -> None:
    assert read(FrameReader(), b"a\0\0bc\0d") == [b"a", b"", b"bc"]


def test_a_half_frame_waits_for_its_other_half() -> None:
    reader = FrameReader()

    assert read(reader, b"ab") == []
    assert reader.unfinished
    assert read(reader, b"c\0") == [b"abc"]
    assert not reader.unfinished


@given(payloads, st.lists(st.integers(0, 30), max_size=30))
def test_frames_do_not_depend_on_how_the_stream_is_cut(payloads: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(map(frame, payloads))
    reader, frames = FrameReader(), []
    for size in cuts:
        frames += read(reader, stream[:size])
        stream = stream[size:]
    frames += read(reader, stream)

    assert frames == payloads


def test_a_payload_may_be_as_long_as_the_limit() -> None:
    assert read(FrameReader(limit=3), b"abc\0") == [b"abc"]


@pytest.mark.parametrize("data", [b"abcd", b"abcd\0"])
def test_a_longer_payload_is_refused_at_the_limit(data: bytes) -> None:
    assert FrameReader(limit=3).feed(data) == Refusal(Reason.FRAME_TOO_LONG, 413, 3)


def test_a_payload_in_pieces_is_refused_where_it_passes_the_limit() -> None:
    reader = FrameReader(limit=3)

    assert read(reader, b"x\0ab") == [b"x"]
    assert reader.feed(b"cd") == Refusal(Reason.FRAME_TOO_LONG, 413, 1)


def test_a_frame_that_drips_in_costs_no_more_for_being_long() -> None:
    def drip(size: int) -> float:
        reader, started = FrameReader(), time.thread_time()
        for _ in range(size):
            reader.feed(b"x")
        return time.thread_time() - started

    assert min(drip(32_000) for _ in range(3)) < 30 * min(drip(4_000) for _ in range(3))  # 64 if quadratic


@pytest.mark.parametrize("payload", [b"", b"{}", b"\xff\n"])
def test_a_frame_is_read_whole_byte_by_byte_and_with_bytes_behind(payload: bytes) -> None:
    reads(FRAME, payload + b"\0", payload)
    reads(FRAME, payload + b"\0", payload, after=b"{}\0")
