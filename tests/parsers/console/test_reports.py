from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sozu.parsers.console.reports import LARGEST_VALUE, every, first, steps

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def only(reports: Iterator[dict[str, Any]]) -> dict[str, Any]:
    [report] = reports
    return report


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_error_in_a_message_is_shown_in_its_surroundings_however_the_stream_is_cut(size: int) -> None:
    *_, report = every("request", cut(GET * 2 + GET.replace(b"Host", b"Ho st"), size))

    assert report["position"] == 2 * len(GET) + 18
    line, caret = report["caret"].split("\n")
    assert line[: caret.index("^")].endswith("\\r\\nHo")


def test_a_rule_about_a_whole_head_is_shown_at_its_end() -> None:
    [report] = every("request", [b"GET / HTTP/1.1\r\n\r\n"])

    assert report["reason"] == "host-missing"
    assert report["caret"] == "GET / HTTP/1.1\\r\\n\\r\\n\n" + " " * 22 + "^"


def test_the_first_value_is_reported_and_the_rest_counted() -> None:
    report = only(first("request", [GET[:10], GET[10:] + b"rest", b"more"]))

    assert (report["kind"], report["outcome"], report["end"], report["rest"]) == ("request", "done", len(GET), 8)
    assert report["value"]["fields"] == [["Host", "a"]]


def test_no_more_than_one_value_is_held_in_memory() -> None:
    block = b"x" * (1 << 20)
    report = only(first("request", iter([GET, *[block] * 24])))

    assert report["rest"] == 24 << 20
    assert LARGEST_VALUE < 24 << 20


def test_no_value_is_longer_than_the_longest_frame_of_http_2() -> None:
    begin = b"\xff\xff\xff\xfa\0" + bytes(4)

    assert len(begin) + int.from_bytes(begin[:3], "big") == LARGEST_VALUE


@pytest.mark.parametrize(
    ("data", "outcome"),
    [(b"/a?b", "done"), (b"/a\n", "done"), (b"/a\r\n", "done"), (b"http://", "incomplete"), (b"/ ", "error")],
)
def test_a_value_may_end_with_its_input_or_its_line(data: bytes, outcome: str) -> None:
    assert only(first("uri", [data]))["outcome"] == outcome


def test_a_chunked_body_is_shown_while_it_is_small() -> None:
    report = only(first("chunked", [b"3\r\nab", b"c\r\n0\r\nX: y\r\n\r\nrest", b"more"]))

    assert report["value"] == {"size": 3, "payload": "abc", "trailers": [["X", "y"]]}
    assert (report["end"], report["rest"]) == (19, 8)


def test_a_large_chunked_body_is_only_counted() -> None:
    blocks = [b"100000\r\n", *[b"x" * 1024] * 1024, b"\r\n0\r\n\r\n"]

    assert only(first("chunked", blocks))["value"] == {"size": 1 << 20, "payload": None, "trailers": []}


def test_an_error_in_a_chunked_body_is_shown_in_its_surroundings() -> None:
    report = only(first("chunked", [b"100\r\n" + b"x" * 256, b"\r\n+"]))

    assert report["position"] == 5 + 256 + 2
    assert report["caret"].endswith("xxx\\r\\n+\n" + " " * 42 + "^")


def test_a_chunked_body_that_breaks_off_is_incomplete() -> None:
    assert only(first("chunked", [b"5\r\nab"])) == {"kind": "chunked", "outcome": "incomplete", "needed": 3}


def test_every_message_is_reported_with_its_body() -> None:
    post = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n"
    put = b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"
    reports = list(every("request", [post + put[:-1], put[-1:]]))

    assert [report["outcome"] for report in reports] == ["done", "done"]
    assert [report["framing"] for report in reports] == ["chunked", 2]
    assert [report["payload"] for report in reports] == [3, 2]
    assert reports[0]["trailers"] == [["X", "y"]]
    assert reports[1] == {
        "kind": "request",
        "start": len(post),
        "head": len(put) - 2,
        "method": "PUT",
        "target": "/",
        "minor": 1,
        "host": "a",
        "content_length": "2",
        "framing": 2,
        "payload": 2,
        "end": len(post + put),
        "trailers": [],
        "outcome": "done",
    }


@pytest.mark.parametrize(
    ("stream", "outcome"),
    [(GET, "done"), (GET[:-1], "incomplete"), (b"\0", "error"), (b"GET / HTTP/1.1\r\n\r\n", "error")],
)
def test_the_last_report_tells_how_a_stream_ended(stream: bytes, outcome: str) -> None:
    assert list(every("request", [GET + stream]))[-1]["outcome"] == outcome


def test_every_frame_is_reported() -> None:
    reports = list(every("command", [b"{}\0[", b"]\0{"]))

    assert [report.get("value") for report in reports] == ["{}", "[]", None]
    assert [report["start"] for report in reports] == [0, 3, 6]
    assert reports[-1]["outcome"] == "incomplete"


def test_nothing_is_read_after_an_error() -> None:
    reports = list(every("proxy-protocol", [b"PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n"]))

    assert [report["outcome"] for report in reports] == ["done", "error"]


def test_a_value_too_large_to_hold_is_reported_as_it_stands() -> None:
    block = b"x" * (1 << 20)

    assert only(every("command", [block] * 18))["outcome"] == "incomplete"


@pytest.mark.parametrize("report", [first, every])
def test_a_line_too_long_to_hold_is_an_error_where_it_is_too_long(
    report: Callable[..., Iterator[dict[str, Any]]],
) -> None:
    found = only(report("cookie", [b"a" * (1 << 20)] * 18))

    assert (found["outcome"], found["position"], found["expected"]) == ("error", LARGEST_VALUE, ["the end"])


def test_a_long_line_does_not_hide_the_next_one() -> None:
    reports = list(every("connection", [*[b"a" * (1 << 20)] * 18, b"\nclose\n"]))

    assert [report["outcome"] for report in reports] == ["error", "done"]


def test_chunked_bodies_of_any_length_are_reported_one_after_the_other() -> None:
    large = [b"1400000\r\n", *[b"x" * (1 << 20)] * 20, b"\r\n0\r\n\r\n1"]
    reports = list(every("chunked", [b"1\r\nx\r\n0\r\n\r\n", *large, b"\r\nxy"]))

    assert [report["start"] for report in reports] == [0, 11, reports[1]["end"]]
    assert [report.get("value", {}).get("size") for report in reports] == [1, 20 << 20, None]
    assert reports[2]["position"] == reports[1]["end"] + 4
    assert reports[2]["caret"].endswith("1\\r\\nxy\n" + " " * 6 + "^")


def test_an_input_that_ends_with_a_body_ends_there() -> None:
    assert [report["outcome"] for report in every("chunked", [b"0\r\n\r\n", b"0\r\n\r\n"])] == ["done", "done"]


def test_offsets_are_those_of_the_stream() -> None:
    reports = list(every("proxy-protocol", [b"PROXY UNKNOWN\r\nPROXY UNKNOWN\r\nPRX"]))

    assert [report.get("end") for report in reports] == [15, 30, None]
    assert reports[2]["position"] == 32
    assert not any("rest" in report or "line" in report for report in reports)


def test_values_that_end_with_their_input_come_one_a_line() -> None:
    reports = list(every("connection", [b"close\nkeep-", b"alive, x\r\nte"]))

    assert [report["value"] for report in reports] == [["close"], ["keep-alive", "x"], ["te"]]


def test_lines_may_end_with_the_input() -> None:
    assert [report["value"] for report in every("connection", [b"close\n", b"te\n"])] == [["close"], ["te"]]


def test_an_input_that_ends_with_a_frame_ends_there() -> None:
    assert [report["outcome"] for report in every("command", [b"{}\0", b"[]\0"])] == ["done", "done"]


def test_steps_end_with_the_input_though_nothing_is_decided() -> None:
    assert [report["outcome"] for report in steps("command", [b"abc"], 2)] == ["incomplete", "incomplete"]


def test_steps_show_the_outcome_for_each_beginning() -> None:
    assert [(report["fed"], report["outcome"]) for report in steps("command", [b"abcd\0rest"], 2)] == [
        (2, "incomplete"),
        (4, "incomplete"),
        (6, "done"),
    ]


def test_the_last_step_is_a_verdict_on_all_of_the_input() -> None:
    assert [report["outcome"] for report in steps("uri", [b"/ab"], 2)] == ["incomplete", "done"]
