from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.parsers.fields.traceparent import VALUE, TraceParent, traceparent, write_traceparent
from sozu.parsers.result import Error, run
from sozu.parsers.whole import whole
from tests.parsers.three_ways import reads, refuses

TRACE, PARENT = b"4bf92f3577b34da6a3ce929d0e0e4736", b"00f067aa0ba902b7"


def value(version: bytes = b"00", trace: bytes = TRACE, parent: bytes = PARENT, flags: bytes = b"01") -> bytes:
    return b"-".join([version, trace, parent, flags])


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (value(), TraceParent(b"00", TRACE, PARENT, 1)),
        (value(flags=b"fe"), TraceParent(b"00", TRACE, PARENT, 0xFE)),
        (value(version=b"cc"), TraceParent(b"cc", TRACE, PARENT, 1)),
        (value(version=b"cc") + b"-", TraceParent(b"cc", TRACE, PARENT, 1, b"")),
        (value(version=b"cc") + b"-what-comes", TraceParent(b"cc", TRACE, PARENT, 1, b"what-comes")),
    ],
)
def test_a_place_in_a_trace_is_read(written: bytes, expected: TraceParent) -> None:
    reads(traceparent, written, expected, after=b"\r\n")
    reads(VALUE, written, expected, after=b"\r\n")


@pytest.mark.parametrize(
    ("written", "position"),
    [
        (value(version=b"0"), 1),
        (value(version=b"000"), 2),
        (value(trace=TRACE.upper()), 4),
        (value(trace=TRACE[1:]), 34),
        (value(parent=PARENT + b"0"), 52),
        (value(flags=b"1"), None),
        (value(flags=b"0g"), 54),
    ],
)
def test_a_broken_value_is_an_error_where_it_breaks(written: bytes, position: int | None) -> None:
    found = whole(traceparent, written)

    assert isinstance(found, Error)
    assert found.position == (len(written) if position is None else position)
    if position is not None:
        refuses(VALUE, written, position)


@pytest.mark.parametrize(
    ("written", "position"),
    [
        (value(version=b"ff"), 1),
        (value(trace=b"0" * 32), 34),
        (value(parent=b"0" * 16), 51),
        (value() + b"-x", 55),
        (value() + b"-", 55),
    ],
)
def test_what_the_specification_calls_invalid_is_an_error_where_nothing_can_mend_it(
    written: bytes, position: int
) -> None:
    refuses(traceparent, written, position)
    assert whole(traceparent, written) == run(traceparent, written)


def test_a_value_ends_behind_its_flags() -> None:
    found = whole(traceparent, value() + b"x")

    assert isinstance(found, Error)
    assert found.position == len(value())


def test_bit_0_means_sampled() -> None:
    assert TraceParent(b"00", TRACE, PARENT, 0xFF).sampled
    assert not TraceParent(b"00", TRACE, PARENT, 0xFE).sampled


def identifier(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size).filter(any).map(lambda octets: octets.hex().encode())


@given(st.builds(TraceParent, st.just(b"00"), identifier(16), identifier(8), st.integers(0, 1)))
def test_what_is_written_is_read_back(trace: TraceParent) -> None:
    assert whole(traceparent, write_traceparent(trace)) == trace


def test_a_later_version_is_written_as_the_one_we_speak() -> None:
    assert write_traceparent(TraceParent(b"cc", TRACE, PARENT, 0xFF, b"more")) == value()
