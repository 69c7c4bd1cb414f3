from itertools import pairwise
import ssl
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.parsers.result import Complete, Done, Error, Incomplete, run
from sozu.parsers.wire.client_hello import HelloReader, client_hello
from sozu.parsers.wire.hello_message import ClientHello, parse_message
from tests.parsers.three_ways import reads, refuses
from tests.parsers.wire.hellos import alpn, body, message, record, records, server_name

CONTENT = body([server_name(b"a.example"), alpn(b"h2")])
MESSAGE = message(CONTENT)


def expected() -> ClientHello:
    found = parse_message(CONTENT)
    assert isinstance(found, ClientHello)
    return found


def python_hello(name: str) -> bytes:
    """What this machine's own TLS sends."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    outgoing = ssl.MemoryBIO()
    connection = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        connection.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, len(MESSAGE) - 1, len(MESSAGE)])
def test_a_hello_is_read_however_it_is_cut_into_records(size: int) -> None:
    reads(client_hello, records(MESSAGE, size), expected())
    reads(client_hello, records(MESSAGE, size), expected(), after=b"\x14\x03\x03\0\1\1")


@given(st.lists(st.integers(1, len(MESSAGE) - 1), unique=True).map(sorted), st.data())
def test_any_cut_into_records_and_any_cut_of_the_stream_gives_the_same_hello(
    cuts: list[int], data: st.DataObject
) -> None:
    edges = [0, *cuts, len(MESSAGE)]
    stream = b"".join(record(MESSAGE[begin:end]) for begin, end in pairwise(edges))
    pauses = data.draw(st.lists(st.integers(0, len(stream)), max_size=5).map(sorted))
    reader = HelloReader()

    bounds = [0, *pauses, len(stream)]
    outcomes = [reader.feed(stream[begin:end]) for begin, end in pairwise(bounds) if begin < len(stream)]
    assert all(isinstance(outcome, Incomplete) for outcome in outcomes[:-1])
    assert isinstance(outcomes[-1], Done)
    assert (outcomes[-1].value, outcomes[-1].end, bytes(reader.received)) == (expected(), len(stream), stream)


def test_the_hello_of_a_real_client_is_read() -> None:
    stream = python_hello("blog.example.com")
    outcome = run(client_hello, stream)

    assert isinstance(outcome, Done)
    assert (outcome.value.server_name, outcome.value.alpn) == ("blog.example.com", (b"h2", b"http/1.1"))
    for size in range(len(stream)):
        assert isinstance(run(client_hello, stream[:size]), Incomplete)


def test_the_bytes_that_are_missing_are_counted_exactly() -> None:
    stream = record(MESSAGE)
    hints = []
    for size in range(9, len(stream)):
        outcome = run(client_hello, stream[:size])
        assert isinstance(outcome, Incomplete)
        hints.append(outcome.needed.hint())

    assert hints == list(range(len(stream) - 9, 0, -1))


@pytest.mark.parametrize(
    ("data", "position"),
    [
        (b"GET / HTTP/1.1\r\n", 0),
        (b"\x80\x2e\x01\x03\x01", 0),
        (b"\x15\x03\x01\0\2\1\0", 0),
        (b"\x16\x02\x00", 1),
        (b"\x16\x03\x05", 2),
        (b"\x16\x03\x01\0\0", 4),
        (b"\x16\x03\x01\x40\x01", 4),
        (b"\x16\x03\x01\x41", 3),
        (record(b"\x02"), 5),
        (record(b"\x01\x01"), 6),
        (record(b"\x01\0\x40\x01"), 8),
        (record(b"\x01\0\0\0"), 8),
        (record(b"\x01") + record(b"\x01"), 11),
        (record(MESSAGE[:9]) + b"\x17", 14),
    ],
)
def test_what_is_no_hello_is_an_error_as_soon_as_it_shows(data: bytes, position: int) -> None:
    refuses(client_hello, data, position)


def test_a_record_that_goes_on_behind_the_hello_is_an_error_where_the_hello_ends() -> None:
    for stream in (record(MESSAGE + b"\0"), record(MESSAGE[:20]) + record(MESSAGE[20:] + b"\0")):
        outcome = run(client_hello, stream)
        assert isinstance(outcome, Error)
        assert outcome.position == len(stream) - 1


@pytest.mark.parametrize("size", [1, 6, 400])
def test_an_error_within_the_message_is_told_by_its_place_in_the_stream(size: int) -> None:
    bad = message(body([server_name(b"a b")]))
    outcome = run(client_hello, records(bad, size))
    blank = bad.index(b"a b") + 1

    assert isinstance(outcome, Error)
    assert outcome.position == blank + 5 * (blank // size + 1)


def test_a_hello_that_is_cut_off_for_good_is_an_error() -> None:
    outcome = run(client_hello, Complete(record(MESSAGE)[:-1]))

    assert isinstance(outcome, Error)
    assert outcome.position == len(record(MESSAGE)) - 1


def test_a_hello_of_the_largest_size_is_read() -> None:
    filler = body([(1000, b"")])
    content = body([(1000, bytes(2**14 - len(filler)))])
    outcome = run(client_hello, records(message(content), 2**14))

    assert len(content) == 2**14
    assert isinstance(outcome, Done)


def test_a_large_hello_in_records_of_one_byte_costs_about_as_much_memory_as_has_come() -> None:
    stream = records(message(body([(1000, bytes(16000))])), 1)
    reader = HelloReader()
    tracemalloc.start()
    try:
        assert isinstance(reader.feed(stream[:-1]), Incomplete)
        assert tracemalloc.get_traced_memory()[0] < 2 * len(stream)
    finally:
        tracemalloc.stop()


@given(st.binary(max_size=200))
def test_any_bytes_in_a_record_are_read_or_refused(content: bytes) -> None:
    outcome = run(client_hello, record(message(b"\x03\x03" + content)))

    assert isinstance(outcome, Done | Error)
