from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from parsy import seq as parsy_seq
import pytest

from fuzz.heads import NAMES, VALUES
from sozu.parsers.heads.field_rules import is_look_alike
from sozu.parsers.leaves import tag
from sozu.parsers.reasons import Reason
from sozu.parsers.result import Complete, Done, Error, Incomplete, Outcome, run
from sozu.parsers.views import (
    RequestView,
    ResponseView,
    View,
    ViewParser,
    build_request_view,
    build_response_view,
    request_view,
    response_view,
)

GET = b"GET /a HTTP/1.1\r\n"
OK = b"HTTP/1.1 200 OK\r\n"
OFFSET = len(GET)


def seen(outcome: Outcome[View]) -> Any:
    match outcome:
        case Done():
            facts = [getattr(outcome.value, name) for name in outcome.value.__struct_fields__[1:]]
            return (outcome.end, facts, outcome.value.passed_fields(), outcome.value.passed_head())
        case Error():
            return ("error", outcome.position, outcome.reason)
        case Incomplete():
            return "incomplete"


def view_of(parser: ViewParser[Any], data: bytes) -> Any:
    """The view, which both readings must give."""
    outcome = parser.fused(data)
    assert seen(outcome) == seen(parser.careful(data, 0))
    assert isinstance(outcome, Done), outcome
    return outcome.value


def request(*lines: bytes) -> RequestView:
    view = view_of(request_view, GET + b"".join(line + b"\r\n" for line in lines) + b"\r\n")
    assert isinstance(view, RequestView)
    return view


def response(*lines: bytes) -> ResponseView:
    view = view_of(response_view, OK + b"".join(line + b"\r\n" for line in lines) + b"\r\n")
    assert isinstance(view, ResponseView)
    return view


def refusal(*lines: bytes) -> tuple[int, object]:
    """Offset in the field section, and the reason."""
    data = GET + b"".join(line + b"\r\n" for line in lines) + b"\r\n"
    outcome = request_view.fused(data)
    assert isinstance(outcome, Error), outcome
    assert seen(outcome) == seen(request_view.careful(data, 0))
    return outcome.position - OFFSET, outcome.reason


def test_a_request_shows_what_a_proxy_acts_on() -> None:
    view = request(b"host: a.b:80", b"CONTENT-LENGTH:5", b"Expect: 100-continue", b"Connection: Upgrade", b"Upgrade: websocket")
    assert (view.method, view.target, view.minor, view.host) == (b"GET", b"/a", 1, b"a.b:80")
    assert (view.content_length, view.transfer_encoding, view.expect) == (b"5", None, b"100-continue")
    assert (view.connection, view.upgrade, view.more) == (b"Upgrade", b"websocket", ())


def test_a_response_shows_what_a_proxy_acts_on() -> None:
    view = response(b"Transfer-Encoding: Chunked", b"Connection: close")
    assert (view.minor, view.status, view.reason) == (1, 200, b"OK")
    assert (view.transfer_encoding, view.content_length, view.connection) == (b"Chunked", None, b"close")
    assert view.passed_fields() == b"Transfer-Encoding: Chunked\r\n"


def test_only_views_of_a_kind_have_a_start_line() -> None:
    with pytest.raises(NotImplementedError):
        View(b"A: 1\r\n").passed_head()
    assert request(b"A: 1").passed_head() == b"GET /a HTTP/1.1\r\nA: 1\r\n"
    assert response(b"A: 1").passed_head() == b"HTTP/1.1 200 OK\r\nA: 1\r\n"


def test_fields_pass_as_they_came() -> None:
    lines = [b"Host: a", b"X:  odd \t spacing ", b"x-UPPER: \xff", b"Content-Length: 5"]
    assert request(*lines).passed_fields() == b"".join(line + b"\r\n" for line in lines)
    assert request().passed_fields() == b""
    assert request(b"Host: a").passed_fields() == b"Host: a\r\n"


@pytest.mark.parametrize(
    "line",
    [
        b"Connection: keep-alive", b"Keep-Alive: timeout=5", b"Proxy-Connection: close", b"TE: trailers", b"Upgrade: x", b"Upgrade:", b"Close: x",
        b"HTTP2-Settings: AA", b"Forwarded: for=x", b"X-Forwarded-For: 1", b"x-forwarded-PROTO: a", b"X-Forwarded-Port: 1",
        b"X-Forwarded-Host: a", b"X-Forwarded-Prefix: /a", b"Sozu-Id: 1",
    ],
)
def test_what_ends_at_the_proxy_is_cut_out(line: bytes) -> None:
    for lines in ([line], [b"A: " + line, line], [line, b"Z: 1"], [b"A: 1", line, b"Host: a"], [line, line, b"Z: 1"]):
        kept = [each for each in lines if each != line]
        assert request(*lines).passed_fields() == b"".join(each + b"\r\n" for each in kept)


@pytest.mark.parametrize("count", range(7))
def test_any_number_of_lines_is_cut_out(count: int) -> None:
    cut = [b"Connection: close", b"X-Forwarded-For: 1", b"TE: trailers", b"x-forwarded-for: 2", b"Forwarded: for=x", b"Upgrade: a"]
    lines = [b"Host: a", *cut[:count], b"Connected: no", b"X-Forwarded: 1"]
    mixed = [each for pair in zip(cut[:count], [b"A: %d" % n for n in range(count)], strict=True) for each in pair]
    assert request(*lines).passed_fields() == b"Host: a\r\nConnected: no\r\nX-Forwarded: 1\r\n"
    assert request(*mixed).passed_fields() == b"".join(b"A: %d\r\n" % n for n in range(count))


def test_names_that_only_begin_like_a_dropped_one_pass() -> None:
    lines = [b"X-Forwarded: 1", b"X-Forwarded-Fors: 1", b"Tea: 1", b"Upgrade-Insecure-Requests: 1", b"Connections: 1", b"Hos: 1", b"_x: 1"]
    assert request(*lines).passed_fields() == b"".join(line + b"\r\n" for line in lines)


@pytest.mark.parametrize("option", [b"keep-alive", b"close", b"upgrade"])
def test_a_field_that_is_named_by_an_option_of_every_day_is_cut_out_by_both_readings(option: bytes) -> None:
    data = GET + b"Connection: " + option + b"\r\n" + option + b": x\r\nA: 1\r\n\r\n"
    for outcome in (request_view.fused(data), request_view.careful(data, 0)):
        assert isinstance(outcome, Done)
        assert outcome.value.passed_fields() == b"A: 1\r\n"


def test_fields_that_connection_names_are_cut_out() -> None:
    view = request(b"Connection: close, x-secret", b"X-Secret: 1", b"A: 1", b"Connection: a,, B", b"b: 2", b"C: 3")
    assert view.passed_fields() == b"C: 3\r\n"
    assert view.connection == b"close, x-secret, a,, B"


@pytest.mark.parametrize("name", [b"Content-Length", b"transfer-encoding", b"HOST", b"Trailer"])
def test_connection_must_not_name_a_framing_field(name: bytes) -> None:
    """Smuggling by hop-by-hop removal."""
    assert refusal(b"A: 1", b"Connection: close, " + name) == (6, Reason.CONNECTION_OPTION)


def test_list_fields_are_joined() -> None:
    view = request(b"Upgrade: a", b"Expect: 100-continue", b"Upgrade: b", b"expect: x")
    assert (view.upgrade, view.expect) == (b"a, b", b"100-continue, x")


@pytest.mark.parametrize(
    ("lines", "position", "reason"),
    [
        ([b"Host: a", b"host: a"], 9, Reason.HOST_TWICE),
        ([b"Host: a b"], 7, Reason.HOST_INVALID),
        ([b"Host:  a/b"], 8, Reason.HOST_INVALID),
        ([b"Host: a@b"], 7, Reason.HOST_INVALID),
        ([b"Host: a:80:80"], 10, Reason.HOST_INVALID),
        ([b"Content-Length: 5", b"Content-Length: 5"], 19, Reason.LENGTH_TWICE),
        ([b"Content-Length: +5"], 16, Reason.LENGTH_INVALID),
        ([b"Content-Length: 5, 5"], 17, Reason.LENGTH_INVALID),
        ([b"Content-Length:"], 15, Reason.LENGTH_INVALID),
        ([b"Content-Length: 1234567890123456789"], 34, Reason.LENGTH_INVALID),
        ([b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"], 28, Reason.CODING_TWICE),
        ([b"Transfer-Encoding: gzip, chunked"], 19, Reason.CODING_UNKNOWN),
        ([b"Transfer-Encoding: identity"], 19, Reason.CODING_UNKNOWN),
        ([b"Content_Length: 5"], 0, Reason.FRAMING_LOOK_ALIKE),
        ([b"A: 1", b"Content-Length1: 5"], 6, Reason.FRAMING_LOOK_ALIKE),
        ([b"1Transfer-Encoding: x"], 0, Reason.FRAMING_LOOK_ALIKE),
        ([b"t.ransfer-Encoding: x"], 0, Reason.FRAMING_LOOK_ALIKE),
        ([b"C-ontent-Length: x"], 0, Reason.FRAMING_LOOK_ALIKE),
        ([b"contentlength: x"], 0, Reason.FRAMING_LOOK_ALIKE),
        ([b"A b: 1"], 1, Reason.FIELD_LINE),
        ([b"A(: 1"], 1, Reason.FIELD_NAME),
        ([b"A: \x00"], 3, Reason.FIELD_VALUE),
        ([b"A: 1\n"], 4, Reason.FIELD_LINE),
        ([b"A: 1", b" folded"], 6, Reason.FIELD_LINE),
        ([b"A: 1\rB"], 5, Reason.FIELD_LINE),
    ],
)
def test_each_refusal_has_its_offset_and_reason(lines: list[bytes], position: int, reason: Reason) -> None:
    assert refusal(*lines) == (position, reason)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"G(T / HTTP/1.1", Reason.METHOD),
        (b" GET / HTTP/1.1", Reason.REQUEST_LINE),
        (b"GET  / HTTP/1.1", Reason.REQUEST_LINE),
        (b"GET /\x7f HTTP/1.1", Reason.TARGET),
        (b"GET / HTTP/1.2", Reason.VERSION),
        (b"\r\nGET / HTTP/3", Reason.VERSION),
        (b"GET / HTTP/1.1 x y", Reason.REQUEST_LINE),
    ],
)
def test_request_lines_are_refused_with_a_reason(line: bytes, reason: Reason) -> None:
    outcome = request_view.fused(line + b"\r\n\r\n")
    assert isinstance(outcome, Error)
    assert outcome.reason is reason
    assert outcome.expected


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"SSH-2.0\r\n", Reason.VERSION),
        (b"HTTP/1.1 20 x\r\n", Reason.STATUS_LINE),
        (b"HTTP/1.1 200 \x00\r\n", Reason.STATUS_LINE),
        (OK + b"A(: 1\r\n", Reason.FIELD_NAME),
        (OK + b"Content-Length: 3, 3\r\n\r\n", Reason.LENGTH_INVALID),
    ],
)
def test_responses_are_refused_with_a_reason(head: bytes, reason: Reason) -> None:
    outcome = response_view.fused(head)
    assert isinstance(outcome, Error)
    assert outcome.reason is reason


def test_every_beginning_of_a_head_is_incomplete() -> None:
    for parser, head in ((request_view, GET + b"Host: a\r\nTE: x\r\n\r\n"), (response_view, OK + b"Content-Length: 3\r\n\r\n")):
        for size in range(len(head)):
            assert run(parser, head[:size]) == Incomplete()
        outcome = run(parser, b"xx" + head + b"body", 2)
        assert isinstance(outcome, Done)
        assert outcome.rest == b"body"


def test_a_complete_head_that_breaks_off_is_an_error() -> None:
    outcome = request_view.fused(Complete(GET))
    assert isinstance(outcome, Error)
    assert outcome.position == len(GET)


def test_more_slots_and_other_cuts_can_be_had() -> None:
    parser = build_request_view((b"cookie", b"accept"), (b"x-internal",))
    view = view_of(parser, GET + b"Cookie: a=1\r\nX-Internal: 1\r\nCookie: b=2\r\nForwarded: x\r\nConnection: close\r\n\r\n")
    assert view.more == (b"a=1; b=2", None)
    assert view.passed_fields() == b"Cookie: a=1\r\nCookie: b=2\r\nForwarded: x\r\n"
    other = view_of(build_response_view((b"etag",)), OK + b"ETag: x\r\n\r\n")
    assert other.more == (b"x",)


def test_a_view_is_a_parsy_parser() -> None:
    assert run(parsy_seq(request_view, tag(b"x")), GET + b"\r\nx").value[1] == b"x"  # type: ignore[union-attr]


def test_views_of_buffers_hold_bytes() -> None:
    for data in (bytearray(GET + b"Host: a\r\nTE: x\r\n\r\n"), memoryview(GET + b"Host: a\r\nTE: x\r\n\r\n")):
        outcome = request_view.fused(data)
        assert isinstance(outcome, Done)
        assert outcome.value.host == b"a"
        assert outcome.value.passed_fields() == b"Host: a\r\n"


def test_look_alikes_are_told_by_their_letters() -> None:
    assert not is_look_alike(b"content-length")
    assert not is_look_alike(b"content-lengths")
    assert is_look_alike(b"!content--length9")


LINES = st.lists(
    st.builds(
        lambda name, before, value, after: name + b":" + before + value + after,
        st.sampled_from(NAMES), st.sampled_from([b"", b" ", b"\t "]), st.sampled_from(VALUES), st.sampled_from([b"", b"", b" "]),
    ),
    max_size=8,
)


@settings(max_examples=300, deadline=None)
@given(lines=LINES, sides=st.sampled_from([(GET, request_view), (OK, response_view)]))
def test_the_quick_reading_is_the_careful_one(lines: list[bytes], sides: tuple[bytes, ViewParser[View]]) -> None:
    start, parser = sides
    data = start + b"".join(line + b"\r\n" for line in lines) + b"\r\n"
    assert seen(parser.fused(data)) == seen(parser.careful(data, 0))
