from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.parsers.body import CHUNKED, NO_BODY, TUNNEL, UNTIL_CLOSE, Framing, Length
from sozu.parsers.console.messages import (
    End,
    Event,
    Head,
    MessageReader,
    Payload,
    Refused,
    Unfinished,
    request_reader,
    response_reader,
)
from sozu.parsers.reasons import Reason

POST = b"POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd"
CHUNKS = b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def told(reader: MessageReader, *pieces: bytes) -> list[object]:
    """Events in short, with payload joined."""
    found: list[object] = []
    events = [event for piece in pieces for event in reader.feed(piece)] + reader.finish()
    for event in events:
        if isinstance(event, Payload) and found and isinstance(found[-1], bytes):
            found[-1] += event.data
        else:
            found.append(in_short(event))
    return found


def in_short(event: Event) -> object:
    match event:
        case Head(start, end, _, framing):
            return start, end, framing
        case Payload(data):
            return data
        case Refused(position, refusal):
            return position, refusal.reason, refusal.status
    return event


def test_requests_follow_each_other_with_their_bodies() -> None:
    after_post, after_chunks = len(POST), len(POST + CHUNKS)

    assert told(request_reader(), POST + CHUNKS + GET) == [
        (0, after_post - 4, Length(4)),
        b"abcd",
        End(after_post, []),
        (after_post, after_chunks - len("3\r\nabc\r\n0\r\nX: y\r\n\r\n"), CHUNKED),
        b"abc",
        End(after_chunks, [(b"X", b"y")]),
        (after_chunks, after_chunks + len(GET), NO_BODY),
        End(after_chunks + len(GET), []),
    ]


STREAMS = [
    POST + CHUNKS + GET,
    POST[:-2],
    CHUNKS[:-3],
    GET + GET[:-3],
    GET + b"GET / HTTP/1.2\r\n",
    GET + b"GET / HTTP/1.1\r\n\r\nGET",
    GET + b"GET / HTTP/1.1\r\nHost: a\r\nX\x00",
    CHUNKS.replace(b"abc", b"abcd") + GET,
    b"",
]


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("size", [1, 2, 7])
def test_requests_do_not_depend_on_how_the_stream_is_cut(stream: bytes, size: int) -> None:
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]

    assert told(request_reader(), *pieces) == told(request_reader(), stream)


@given(st.sampled_from(STREAMS), st.integers(0, 150), st.binary(max_size=4))
def test_damaged_requests_do_not_depend_on_it_either(stream: bytes, at: int, noise: bytes) -> None:
    damaged = stream[:at] + noise + stream[at + 1 :]
    pieces = [damaged[at : at + 1] for at in range(len(damaged))]

    assert told(request_reader(), *pieces) == told(request_reader(), damaged)


@pytest.mark.parametrize(
    ("stream", "last"),
    [
        (b"GET / HTTP/1.2\r\n", (13, Reason.VERSION, 505)),
        (b"GET / HTTP/1.1\r\n\r\n", (18, Reason.HOST_MISSING, 400)),
        (
            CHUNKS.replace(b"3\r\n", b"+3\r\n"),
            (len(CHUNKS) - len("3\r\nabc\r\n0\r\nX: y\r\n\r\n"), Reason.CHUNK_SIZE, 400),
        ),
    ],
)
def test_a_refusal_tells_where_in_the_stream(stream: bytes, last: tuple[int, Reason, int]) -> None:
    assert told(request_reader(), GET + stream)[-1] == (len(GET) + last[0], *last[1:])


def test_nothing_is_read_after_a_refusal() -> None:
    reader = request_reader()
    reader.feed(b"\0")

    assert reader.feed(GET) == []
    assert reader.finish() == []


@pytest.mark.parametrize(("stream", "needed"), [(GET[:-1], 1), (POST[:-3], 3), (CHUNKS[:-1], 1)])
def test_the_end_of_the_stream_may_cut_a_message(stream: bytes, needed: int) -> None:
    assert told(request_reader(), GET + stream)[-1] == Unfinished(len(GET), needed)


RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"


@pytest.mark.parametrize(
    ("make", "stream", "framings"),
    [
        (response_reader, RESPONSE + b"abc" + RESPONSE + b"abc", [Length(3), Length(3)]),
        (lambda: response_reader([b"HEAD"]), RESPONSE + RESPONSE + b"abc", [NO_BODY, Length(3)]),
        (lambda: response_reader([b"HEAD"]), b"HTTP/1.1 103 Hints\r\n\r\n" + RESPONSE, [NO_BODY, NO_BODY]),
        (response_reader, b"HTTP/1.0 200 OK\r\n\r\nabc", [UNTIL_CLOSE]),
        (response_reader, b"HTTP/1.1 101 Switching\r\n\r\nabc", [TUNNEL]),
    ],
)
def test_responses_are_read_by_what_was_asked(
    make: Callable[[], MessageReader], stream: bytes, framings: list[Framing]
) -> None:
    reader = make()
    events = [*reader.feed(stream), *reader.finish()]

    assert [event.framing for event in events if isinstance(event, Head)] == framings
    assert events[-1] == End(len(stream), [])


def test_a_broken_response_is_refused_with_502() -> None:
    assert told(response_reader(), RESPONSE.replace(b"3", b"+3")) == [(33, Reason.LENGTH_INVALID, 502)]


def test_an_empty_line_after_the_last_message_begins_no_other() -> None:
    assert told(request_reader(), GET + b"\r\n")[-1] == End(len(GET), [])
    assert told(request_reader(), GET + b"\r")[-1] == Unfinished(len(GET), 1)
