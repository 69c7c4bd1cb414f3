from collections.abc import Iterable, Iterator
from time import thread_time

from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.parsers.chunked import (
    FIRST_LINE,
    NEXT_LINE,
    PLAIN,
    TRAILER,
    ChunkedBody,
    ChunkedReader,
    Trailers,
    chunked_body,
)
from sozu.parsers.fuse import Fused
from sozu.parsers.reasons import Reason
from sozu.parsers.result import Done, Error, Incomplete, Needed, Outcome, run
from tests.parsers.three_ways import reads, refuses

BODY = b'5\r\nhello\r\nA;a=b ; c="\\"\xe9"\r\n0123456789\r\n00\r\nX: y \r\nServer-Timing:z\r\n\r\n'
PAYLOAD = b"hello0123456789"
TRAILERS = [(b"X", b"y"), (b"Server-Timing", b"z")]


def feed_all(reader: ChunkedReader, pieces: Iterable[bytes]) -> tuple[Outcome[Trailers], bytes]:
    payload = b""
    outcome: Outcome[Trailers] = Incomplete()
    for piece in pieces:
        outcome = reader.feed(piece)
        payload += b"".join(piece[start:end] for start, end in reader.spans)
        if not isinstance(outcome, Incomplete):
            break
    return outcome, payload


def single(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 1] for at in range(len(data)))


def refused(data: bytes, **limits: int) -> tuple[int, object]:
    """Position and reason; they must not depend on how the body comes."""
    whole = ChunkedReader(**limits).feed(data)
    dripped, _ = feed_all(ChunkedReader(**limits), single(data))
    assert isinstance(whole, Error)
    assert isinstance(dripped, Error)
    assert (whole.position, whole.reason) == (dripped.position, dripped.reason)
    return whole.position, whole.reason


def test_a_whole_body_gives_payload_and_trailers() -> None:
    outcome, payload = feed_all(ChunkedReader(), [BODY])

    assert payload == PAYLOAD
    assert isinstance(outcome, Done)
    assert outcome.value == TRAILERS


def test_what_follows_the_body_is_left_alone() -> None:
    outcome = ChunkedReader().feed(BODY + b"GET / HTTP/1.1")

    assert isinstance(outcome, Done)
    assert outcome.end == len(BODY)
    assert outcome.rest == b"GET / HTTP/1.1"


def test_a_body_may_come_byte_by_byte() -> None:
    reader = ChunkedReader()
    for byte in single(BODY[:-1]):
        assert isinstance(reader.feed(byte), Incomplete)

    assert reader.feed(BODY[-1:]) == Done(b"\n", TRAILERS, 1)


def test_the_end_is_counted_in_the_piece_that_holds_it() -> None:
    reader = ChunkedReader()
    reader.feed(b"3\r\nabc\r\n0\r")
    outcome = reader.feed(b"\n\r\nrest")

    assert isinstance(outcome, Done)
    assert outcome.end == 3


def test_a_memoryview_is_as_good_as_bytes() -> None:
    outcome = ChunkedReader().feed(memoryview(BODY))

    assert isinstance(outcome, Done)
    assert outcome.value == TRAILERS


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.lists(st.integers(0, 60), max_size=12))
def test_payload_does_not_depend_on_how_the_stream_is_cut(chunks: list[bytes], cuts: list[int]) -> None:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    stream, pieces = body[:-1], []
    for size in cuts:
        pieces.append(stream[:size])
        stream = stream[size:]
    outcome, payload = feed_all(ChunkedReader(), [*pieces, stream + b"\nrest"])

    assert isinstance(outcome, Done)
    assert (payload, outcome.rest) == (b"".join(chunks), b"rest")


def test_payload_that_went_another_way_is_skipped() -> None:
    reader = ChunkedReader()

    assert reader.feed(b"1000\r\nab") == Incomplete(reader_needs(0x1000 - 2))
    assert reader.payload_left == 0x1000 - 2
    reader.skip(0x1000 - 2)
    outcome = reader.feed(b"\r\n0\r\n\rX")
    assert isinstance(outcome, Error)
    assert outcome.position == len("1000\r\n") + 0x1000 + len("\r\n0\r\n\r")


def test_more_than_the_chunk_cannot_be_skipped() -> None:
    reader = ChunkedReader()
    reader.feed(b"3\r\n")

    with pytest.raises(AssertionError):
        reader.skip(4)


def reader_needs(payload: int) -> Needed:
    outcome = ChunkedReader().feed(b"%x\r\n" % payload)
    assert isinstance(outcome, Incomplete)
    assert outcome.needed.hint() == payload + len("\r\n0\r\n\r\n")
    return outcome.needed


@pytest.mark.parametrize(
    ("body", "position", "reason"),
    [
        (b"0x3\r\n", 1, Reason.CHUNK_SIZE),
        (b"+3\r\n", 0, Reason.CHUNK_SIZE),
        (b"1_0\r\n", 1, Reason.CHUNK_SIZE),
        (b" 3\r\n", 0, Reason.CHUNK_SIZE),
        (b"3 \r\n", 2, Reason.CHUNK_SIZE),
        (b"3\n", 1, Reason.CHUNK_SIZE),
        (b"3\rx", 2, Reason.CHUNK_SIZE),
        (b"\r\n", 0, Reason.CHUNK_SIZE),
        (b"1234567890123456\r\n", 15, Reason.CHUNK_SIZE_OVERFLOW),
        (b"3;\r\n", 2, Reason.CHUNK_EXTENSION),
        (b"3;a=\r\n", 4, Reason.CHUNK_EXTENSION),
        (b"3;a\nb\r\n", 3, Reason.CHUNK_EXTENSION),
        (b'3;a="\n"\r\n', 5, Reason.CHUNK_EXTENSION),
        (b"3;a \r\n", 4, Reason.CHUNK_EXTENSION),
        (b"3\r\nabcd\r\n", 6, Reason.CHUNK_END),
        (b"3\r\nabc\n", 6, Reason.CHUNK_END),
        (b"3\r\nabc\rx", 7, Reason.CHUNK_END),
        (b"3\r\nabc\r\nx", 8, Reason.CHUNK_SIZE),
        (b"3\r\nabc\r\n5;;", 10, Reason.CHUNK_EXTENSION),
        (b"0\r\n\n", 3, Reason.TRAILER_LINE),
        (b"0\r\nX : y\r\n", 4, Reason.TRAILER_LINE),
        (b"0\r\nX: y\nZ: w\r\n", 7, Reason.TRAILER_LINE),
        (b"0\r\nX: y\r\n z\r\n", 9, Reason.TRAILER_LINE),
        (b"0\r\nX: y\r\ncontent-Length: 3\r\n", 9, Reason.TRAILER_FORBIDDEN),
    ],
)
def test_broken_framing_is_refused_where_it_breaks(body: bytes, position: int, reason: Reason) -> None:
    assert refused(body) == (position, reason)


@pytest.mark.parametrize(
    ("body", "position", "reason"),
    [
        (b"3;" + b"a" * 40 + b"\r\n", 32, Reason.CHUNK_LINE_TOO_LONG),
        (b"3;" + b"a" * 40 + b"\0", 32, Reason.CHUNK_LINE_TOO_LONG),
        (b"1;aaaaaaaaaaaaaaaaaaaa\r\nx\r\n1;aaaaaaaaaaaaaaaaaaaa\r\n", 25, Reason.CHUNK_EXTENSIONS_TOO_LARGE),
        (b"0\r\nX: y\r\nZ: " + b"z" * 40, 3 + 32, Reason.TRAILERS_TOO_LARGE),
    ],
)
def test_lines_and_trailers_are_bounded(body: bytes, position: int, reason: Reason) -> None:
    assert refused(body, limit_line=32, limit_extensions=40, limit_trailers=32) == (position, reason)


def test_an_error_names_what_was_expected() -> None:
    outcome = ChunkedReader().feed(b"x")

    assert isinstance(outcome, Error)
    assert "chunk size" in str(outcome)


def test_the_grammar_of_a_whole_body_reads_the_same() -> None:
    assert run(chunked_body, BODY + b"rest") == Done(
        BODY + b"rest", ChunkedBody([b"hello", b"0123456789"], TRAILERS), len(BODY)
    )


@pytest.mark.parametrize("size", range(len(BODY)))
def test_every_beginning_of_a_body_is_incomplete(size: int) -> None:
    assert isinstance(run(chunked_body, BODY[:size]), Incomplete)
    assert isinstance(ChunkedReader().feed(BODY[:size]), Incomplete)


@given(st.binary(max_size=12), st.integers(0, len(BODY)))
def test_grammar_and_reader_agree_on_damaged_bodies(noise: bytes, at: int) -> None:
    damaged = BODY[:at] + noise + BODY[at:]
    by_grammar = run(chunked_body, damaged)
    by_reader = ChunkedReader().feed(damaged)

    assert type(by_grammar) is type(by_reader)
    if isinstance(by_grammar, Done) and isinstance(by_reader, Done):
        assert (by_grammar.end, by_grammar.value.trailers) == (by_reader.end, by_reader.value)


@pytest.mark.parametrize(
    ("grammar", "text", "value"),
    [
        (FIRST_LINE, b"0\r\n", 0),
        (FIRST_LINE, b"1aF\r\n", 0x1AF),
        (FIRST_LINE, b'fffffffffffffff;a;b=c ; d= "\\"\xe9"\r\n', 16**15 - 1),
        (NEXT_LINE, b"\r\n5;a\r\n", 5),
        (PLAIN, b"\r\n5\r\n", b"5"),
        (TRAILER, b"\r\n", None),
        (TRAILER, b"X: a b \t\r\n", (b"X", b"a b")),
        (TRAILER, b"X:\r\n", (b"X", b"")),
    ],
)
def test_every_line_is_read_whole_byte_by_byte_and_with_bytes_behind(
    grammar: Fused[object], text: bytes, value: object
) -> None:
    reads(grammar, text, value)
    reads(grammar, text, value, after=b"\r\nrest")


@pytest.mark.parametrize(
    ("grammar", "text", "position"),
    [
        (FIRST_LINE, b"g", 0),
        (FIRST_LINE, b"5 \r", 2),
        (FIRST_LINE, b"5\n", 1),
        (FIRST_LINE, b"5;a =b", 4),
        (NEXT_LINE, b"\n", 0),
        (NEXT_LINE, b"\r\n\r", 2),
        (PLAIN, b"\r\n5;", 3),
        (TRAILER, b"\n", 0),
        (TRAILER, b"X\r", 1),
        (TRAILER, b"X: a\n", 4),
    ],
)
def test_every_line_is_refused_where_it_is_wrong(grammar: Fused[object], text: bytes, position: int) -> None:
    refuses(grammar, text, position)


@pytest.mark.parametrize("begin", [b"", b"x: "], ids=["name", "value"])
def test_a_trailer_that_drips_costs_each_byte_once(begin: bytes) -> None:
    def seconds(size: int) -> float:
        times = []
        for _ in range(3):
            reader = ChunkedReader(limit_trailers=1 << 20)
            reader.feed(b"0\r\n" + begin)
            start = thread_time()
            for _ in range(size):
                reader.feed(b"x")
            times.append(thread_time() - start)
        return min(times)

    # Eight times as much; squared it would be 64 times.
    assert seconds(16_000) < 24 * seconds(2_000)


@pytest.mark.parametrize("piece", [b"\r", b"\n", b"\0", b":", b" ", b"a b", b"\rx", b"x\r\n\r\n", b"\xff", b"\x7f"])
@pytest.mark.parametrize("begin", [b"", b"\r", b"x", b"x:", b"x: y", b"x: y\r", b"x: y\r\n", b"x: y\r\n\r", b"Te", b"Te: y"])
def test_a_trailer_means_the_same_however_it_is_cut(begin: bytes, piece: bytes) -> None:
    for size in (3, 4, 8192):
        whole, cut = ChunkedReader(limit_trailers=size), ChunkedReader(limit_trailers=size)
        at_once = whole.feed(b"0\r\n" + begin + piece)
        outcome = cut.feed(b"0\r\n" + begin)
        if isinstance(outcome, Incomplete):
            outcome = cut.feed(memoryview(piece))
        assert facts(outcome) == facts(at_once), (begin, piece, size)


def test_more_of_a_trailer_is_no_payload() -> None:
    reader = ChunkedReader()
    reader.feed(b"1\r\na\r\n0\r\nx: y")
    assert reader.spans == [(3, 4)]
    assert reader.feed(b"z") == Incomplete()
    assert reader.spans == []
    assert reader.feed(b"\r\n\r\n").value == [(b"x", b"yz")]  # type: ignore[union-attr]


def facts(outcome: object) -> object:
    match outcome:
        case Done(value=value):
            return value
        case Error(position=position):
            return position, outcome.reason
    return "incomplete"
