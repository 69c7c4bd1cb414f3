from typing import Any

import pytest

from sozu.parsers.head_reader import HeadReader
from sozu.parsers.reasons import Reason
from sozu.parsers.result import Done, Error, Incomplete, Outcome
from sozu.parsers.views import View, request_view, response_view

GET = b"GET /a HTTP/1.1\r\n"
HEAD = GET + b"Host: a\r\nAccept: */*\r\n\r\n"


def drip(reader: HeadReader[Any], data: bytes) -> tuple[Outcome[View], int]:
    """One byte at a time, until there is an answer; also how many it took."""
    outcome: Outcome[View] = Incomplete()
    for at in range(len(data)):
        outcome = reader.feed(data[at : at + 1])
        if not isinstance(outcome, Incomplete):
            return outcome, at + 1
    return outcome, len(data)


def test_a_head_in_one_piece_is_read_at_once() -> None:
    reader = HeadReader(request_view)
    outcome = reader.feed(HEAD + b"body")
    assert isinstance(outcome, Done)
    assert (outcome.value.host, outcome.rest, reader.has_begun) == (b"a", b"body", False)


@pytest.mark.parametrize("head", [HEAD, b"\r\n" + HEAD, GET + b"\r\n"])
def test_a_head_that_drips_in_is_read_with_its_last_byte(head: bytes) -> None:
    outcome, taken = drip(HeadReader(request_view), head + b"body")
    assert isinstance(outcome, Done)
    assert taken == len(head)


def test_bytes_after_the_head_are_those_of_the_last_piece() -> None:
    reader = HeadReader(request_view)
    assert reader.feed(HEAD[:20]) == Incomplete()
    assert reader.has_begun
    outcome = reader.feed(HEAD[20:] + b"body")
    assert isinstance(outcome, Done)
    assert outcome.rest == b"body"
    assert not reader.has_begun


def test_the_empty_line_before_a_request_is_no_beginning_of_one() -> None:
    reader = HeadReader(request_view)
    assert reader.look() == Incomplete()
    assert reader.feed(b"\r\n") == Incomplete()
    assert not reader.has_begun
    assert reader.feed(b"GE") == Incomplete()
    assert reader.has_begun
    assert reader.look() == Incomplete()
    reader.feed(b"(")
    outcome = reader.look()
    assert isinstance(outcome, Error)
    assert outcome.position == 4


def test_one_reader_reads_many_heads() -> None:
    reader = HeadReader(request_view)
    for head in (HEAD, HEAD.replace(b"/a", b"/b")):
        assert isinstance(drip(reader, head)[0], Done)
        assert isinstance(reader.feed(head), Done)


def test_errors_are_told_with_the_line_that_holds_them() -> None:
    for data, position, reason in (
        (b"GET / HTTP/1.1\nHost: a\n\n", 14, Reason.REQUEST_LINE),
        (b"GET / HTTP/9\r\n", 11, Reason.VERSION),
        (GET + b"Host: a\r\nA b: 1\r\n", len(GET) + 10, Reason.FIELD_LINE),
        (GET + b"A: \x00\r\n", len(GET) + 3, Reason.FIELD_VALUE),
        (GET + b"Host: a\r\nHost: b\r\n\r\n", len(GET) + 9, Reason.HOST_TWICE),
    ):
        whole = HeadReader(request_view).feed(data)
        dripped, _ = drip(HeadReader(request_view), data)
        for outcome in (whole, dripped):
            assert isinstance(outcome, Error)
            assert (outcome.position, outcome.reason) == (position, reason)


def test_an_error_in_a_response_has_its_reason() -> None:
    outcome, _ = drip(HeadReader(response_view), b"HTTP/1.1 200 OK\r\nA(: 1\r\n")
    assert isinstance(outcome, Error)
    assert outcome.reason is Reason.FIELD_NAME


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"GET /" + b"a" * 99 + b" HTTP/1.1\r\n\r\n", None),
        (b"GET /" + b"a" * 100 + b" HTTP/1.1\r\n\r\n", Reason.TARGET_TOO_LONG),
        (b"\r\nGET /" + b"a" * 100 + b" HTTP/1.1\r\n\r\n", Reason.TARGET_TOO_LONG),
        (b"A" * 300 + b" / HTTP/1.1\r\n\r\n", Reason.HEAD_TOO_LARGE),
        (GET + b"a:\r\n" * 10 + b"\r\n", None),
        (b"\r\n" + GET + b"a:\r\n" * 10 + b"\r\n", None),
        (GET + b"a:\r\n" * 11 + b"\r\n", Reason.TOO_MANY_FIELDS),
        (GET + b"a:" + b"b" * (256 - len(GET) - 6) + b"\r\n\r\n", None),
        (GET + b"a:" + b"b" * (257 - len(GET) - 6) + b"\r\n\r\n", Reason.HEAD_TOO_LARGE),
        (GET + b"a:" + b"b" * 400 + b"\r\n\r\n", Reason.HEAD_TOO_LARGE),
    ],
)
def test_limits_hold_in_one_piece_and_dripped(head: bytes, reason: Reason | None) -> None:
    whole = HeadReader(request_view, limit=256, fields=10, target=100).feed(head)
    dripped, taken = drip(HeadReader(request_view, limit=256, fields=10, target=100), head)
    for outcome in (whole, dripped):
        assert (outcome.reason if isinstance(outcome, Error) else None) is reason
    assert taken <= 257


ONE_TOO_MANY = GET + b"a:\r\n" * 11


@pytest.mark.parametrize(
    ("head", "position", "reason"),
    [
        (ONE_TOO_MANY + b"\r\n", len(GET) + 40, Reason.TOO_MANY_FIELDS),
        (b"\r\n" + ONE_TOO_MANY + b"a:\r\n" * 5 + b"\r\n", len(GET) + 42, Reason.TOO_MANY_FIELDS),
        (ONE_TOO_MANY + b"a:\r\nb\0", len(GET) + 40, Reason.TOO_MANY_FIELDS),
        (GET + b"a:\r\n" * 10 + b"\0", len(GET) + 40, Reason.FIELD_NAME),
        (GET + b"Content-Length: x\r\n" + b"a:\r\n" * 10 + b"\r\n", len(GET) + 55, Reason.TOO_MANY_FIELDS),
        (GET + b"a:\r\n" * 10 + b"a: " + b"b" * 300 + b"\r\n\r\n", 256, Reason.HEAD_TOO_LARGE),
        (GET + b"a: " + b"b" * 300 + b"\0", 256, Reason.HEAD_TOO_LARGE),
        (GET + b"a: " + b"b" * 200 + b"\0" + b"b" * 200, len(GET) + 203, Reason.FIELD_VALUE),
        (b"GET /" + b"a" * 103 + b"\0 HTTP/1.1\r\n\r\n", 104, Reason.TARGET_TOO_LONG),
        (b"GET /" + b"a" * 103 + b" HTTP/1.1\r\n" + b"a:\r\n" * 20, 104, Reason.TARGET_TOO_LONG),
        (b"GET /" + b"a" * 50 + b"\0 HTTP/1.1\r\n\r\n", 55, Reason.TARGET),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 50, 1000])
def test_what_is_told_and_where_does_not_depend_on_the_pieces(
    head: bytes, position: int, reason: Reason, size: int
) -> None:
    reader = HeadReader(request_view, limit=256, fields=10, target=100)
    outcomes = (reader.feed(head[at : at + size]) for at in range(0, len(head), size))
    outcome = next((outcome for outcome in outcomes if not isinstance(outcome, Incomplete)), None)
    assert isinstance(outcome, Error)
    assert (outcome.position, outcome.reason) == (position, reason)


def test_a_target_that_never_ends_is_told_early() -> None:
    outcome, taken = drip(HeadReader(request_view, target=100), b"GET /" + b"a" * 1000)
    assert isinstance(outcome, Error)
    assert outcome.reason is Reason.TARGET_TOO_LONG
    assert taken < 150


def test_a_response_has_no_target_to_be_too_long() -> None:
    head = b"HTTP/1.1 200 " + b"a" * 150 + b"\r\n\r\n"
    for outcome in (
        HeadReader(response_view, target=100).feed(head),
        drip(HeadReader(response_view, target=100), head)[0],
    ):
        assert isinstance(outcome, Done)
    outcome, _ = drip(HeadReader(response_view, limit=100), head)
    assert isinstance(outcome, Error)
    assert outcome.reason is Reason.HEAD_TOO_LARGE


def test_each_byte_is_scanned_a_bounded_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    scanned = 0
    section, start = request_view.section, request_view.start_line

    class Counting:
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def fused(self, data: bytes, pos: int = 0) -> Any:
            nonlocal scanned
            scanned += len(data) - pos
            return self.inner.fused(data, pos)

    monkeypatch.setattr(request_view, "section", Counting(section))
    monkeypatch.setattr(request_view, "start_line", Counting(start))
    for head in (
        GET + b"a: " + b"b" * 8000 + b"\r\n\r\n",
        GET + (b"a: " + b"b" * 95 + b"\r\n") * 100 + b"\r\n",
        b"GET /" + b"a" * 8000,
        b"A" * 16000,
    ):
        scanned = 0
        drip(HeadReader(request_view), head)
        assert scanned < 5 * len(head)
