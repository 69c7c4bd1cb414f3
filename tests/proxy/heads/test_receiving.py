
import gevent
from gevent import get_hub
import pytest

from sozu.parsers.reasons import Reason
from sozu.parsers.views import RequestView, ResponseView, build_request_view
from sozu.proxy.heads import (
    DATE,
    LONGEST_REMEMBERED,
    REQUEST_VIEW,
    RESPONSE_VIEW,
    TE,
    USER_AGENT,
    BadHead,
    HeadEnded,
    Heads,
)
from sozu.proxy.stream import HEAD_SIZE, READ_SIZE, Stream
from tests.proxy.lab import Peer, pair, roomy

REQUESTS: Heads[RequestView, RequestView] = Heads(REQUEST_VIEW, lambda view: view, roomy())
RESPONSES: Heads[ResponseView, ResponseView] = Heads(RESPONSE_VIEW, lambda view: view, roomy())
HEAD = b"GET /x HTTP/1.1\r\nHost: a\r\nUser-Agent: test\r\nTE: trailers\r\n\r\n"


def test_a_whole_head_leaves_what_follows(ends: tuple[Stream, Peer]) -> None:
    stream, _ = ends
    view = REQUESTS.receive(stream, HEAD + b"body")
    assert (view.target, view.more[USER_AGENT], view.more[TE]) == (b"/x", b"test", b"trailers")
    assert stream.leftover == b"body"


@pytest.mark.parametrize("cut", [1, 20, len(HEAD) - 1])
def test_a_head_in_pieces_is_put_together(ends: tuple[Stream, Peer], cut: int) -> None:
    stream, peer = ends
    reading = gevent.spawn(REQUESTS.receive, stream, HEAD[:cut])
    gevent.idle()
    peer.send(HEAD[cut:] + b"body")
    assert reading.get(timeout=5).target == b"/x"
    assert stream.leftover == b"body"


def test_readers_of_two_unfinished_heads_do_not_mix(ends: tuple[Stream, Peer]) -> None:
    stream, peer = ends
    other_sock, other_peer = pair()
    other = Stream(other_sock, get_hub())
    readings = [gevent.spawn(REQUESTS.receive, stream, b"GET /a"), gevent.spawn(REQUESTS.receive, other, b"GET /b")]
    gevent.idle()
    for one in (peer, other_peer):
        one.send(b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert [reading.get(timeout=5).target for reading in readings] == [b"/a", b"/b"]
    other.close()
    other_peer.close()


def test_a_view_does_not_keep_a_large_body(ends: tuple[Stream, Peer]) -> None:
    stream, peer = ends
    peer.send(b"HTTP/1.1 200 OK\r\nDate: now\r\n\r\n" + b"x" * (2 * HEAD_SIZE))
    view = RESPONSES.receive(stream, stream.read())
    assert (view.status, view.more[DATE]) == (200, b"now")
    assert len(view.source.string) < 100
    assert len(stream.leftover) < HEAD_SIZE


def test_a_long_head_that_came_with_a_large_body_keeps_none_of_it(ends: tuple[Stream, Peer]) -> None:
    stream, _ = ends
    head = b"HTTP/1.1 200 OK\r\n" + b"A: 1\r\n" * 90 + b"B: %b\r\n" % (b"b" * 6000) * 2 + b"\r\n"
    view = RESPONSES.receive(stream, head + bytes(READ_SIZE))
    assert view.status == 200
    assert len(view.source.string) <= HEAD_SIZE
    assert stream.leftover == bytes(READ_SIZE)


def test_what_is_left_behind_the_data_stays_behind_it(ends: tuple[Stream, Peer]) -> None:
    stream, _ = ends
    stream.leftover = b"third"
    REQUESTS.receive(stream, HEAD + b"second")
    assert stream.leftover == b"secondthird"


def test_a_head_that_has_come_twice_is_not_read_again(ends: tuple[Stream, Peer]) -> None:
    stream, _ = ends
    heads: Heads[RequestView, RequestView] = Heads(build_request_view(), lambda view: view, roomy())
    once = heads.receive(stream, HEAD)
    twice = heads.receive(stream, HEAD)
    assert once is not twice
    assert heads.receive(stream, HEAD + b"other") is twice
    assert stream.leftover == b"other"
    assert heads.receive(stream, b"GET /y" + HEAD[6:]).target == b"/y"


def test_a_head_may_mean_something_else_after_a_change(ends: tuple[Stream, Peer]) -> None:
    meanings = iter((1, 2, 3))
    memory = roomy()
    heads = Heads(build_request_view(), lambda _: next(meanings), memory)
    assert [heads.receive(ends[0], HEAD) for _ in range(3)] == [1, 2, 2]
    memory.forget()
    assert heads.receive(ends[0], HEAD) == 3


def test_no_head_is_remembered_that_is_long_or_comes_once(ends: tuple[Stream, Peer]) -> None:
    heads: Heads[RequestView, RequestView] = Heads(build_request_view(), lambda view: view, roomy())
    for _ in range(2):
        heads.receive(ends[0], b"GET / HTTP/1.1\r\nHost: a\r\nX: %b\r\n\r\n" % (b"x" * LONGEST_REMEMBERED))
    heads.receive(ends[0], HEAD)
    assert heads.known == {}


def test_an_empty_line_before_the_head_is_no_end(ends: tuple[Stream, Peer]) -> None:
    assert REQUESTS.receive(ends[0], b"\r\n" + HEAD).target == b"/x"
    with pytest.raises(BadHead):
        REQUESTS.receive(ends[0], b"\r\n\r\n" + HEAD)


def test_an_end_in_the_middle_is_told(ends: tuple[Stream, Peer]) -> None:
    stream, peer = ends
    peer.end()
    with pytest.raises(HeadEnded):
        REQUESTS.receive(stream, b"GET /")


def test_a_bad_head_is_told_with_its_reason(ends: tuple[Stream, Peer]) -> None:
    with pytest.raises(BadHead) as caught:
        REQUESTS.receive(ends[0], b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n")
    assert (caught.value.refusal.reason, caught.value.refusal.status) == (Reason.LENGTH_INVALID, 400)
