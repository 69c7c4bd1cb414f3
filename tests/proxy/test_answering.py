import pytest

from sozu.command.settings import Settings
from sozu.parsers.body import CHUNKED, NO_BODY, UNTIL_CLOSE, Framing, Length
from sozu.parsers.result import Done
from sozu.parsers.views import RequestView, request_view
from sozu.proxy.answering.plans import AS_IT_IS, CLOSE, CODINGS, KEEP_ALIVE, accepts, own_answer, plan_answer
from sozu.proxy.bodies import Chunks, Payload
from sozu.proxy.entry import Texts
from sozu.proxy.failures import Failure
from sozu.proxy.forwarding import CHUNKED_CODING
from sozu.proxy.record import Record

SETTINGS = Settings(command_socket="", journal="")
RECORD = Record(b"id", 1, b"192.0.2.1:5", Texts(authority=b"my.example"), 0.0)
WELCOMING = Settings(command_socket="", journal="", welcome=True)


def request(line: bytes, *fields: bytes) -> RequestView:
    outcome = request_view.fused(b"\r\n".join((line, b"Host: a.example", *fields, b"", b"")))
    assert isinstance(outcome, Done)
    return outcome.value


@pytest.mark.parametrize("framing", [NO_BODY, Length(5), CHUNKED])
def test_http_1_1_gets_a_response_as_it_is(framing: Framing) -> None:
    assert plan_answer(1, framing, keep=True) is AS_IT_IS
    assert plan_answer(1, framing, keep=False) == (False, CLOSE, frozenset(), None, False)


def test_http_1_1_gets_chunks_in_place_of_an_end() -> None:
    assert plan_answer(1, UNTIL_CLOSE, keep=True) == (True, CHUNKED_CODING, frozenset(), Chunks, False)
    assert plan_answer(1, UNTIL_CLOSE, keep=False).fields == CHUNKED_CODING + CLOSE


@pytest.mark.parametrize("framing", [NO_BODY, Length(5)])
def test_http_1_0_is_told_that_its_connection_goes_on(framing: Framing) -> None:
    assert plan_answer(0, framing, keep=True) == (True, KEEP_ALIVE, CODINGS, None, False)
    assert plan_answer(0, framing, keep=False) == (False, CLOSE, CODINGS, None, False)


def test_http_1_0_knows_no_chunks() -> None:
    plan = plan_answer(0, CHUNKED, keep=True)
    assert (plan.keep, plan.wrap, plan.until_close) == (False, Payload, True)
    assert b"transfer-encoding" in plan.cut
    assert plan_answer(0, UNTIL_CLOSE, keep=True) == (False, CLOSE, frozenset(), None, True)


def test_our_own_answer_to_what_was_no_request() -> None:
    answer = own_answer(SETTINGS, Failure("", 400), RECORD, None, b"", close=True)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Connection: close\r\n" in answer


def test_our_own_answer_to_head_has_no_body() -> None:
    assert own_answer(SETTINGS, Failure("", 502), RECORD, request(b"HEAD / HTTP/1.1"), b"", close=False).endswith(b"\r\n\r\n")


def test_our_own_answer_tells_http_1_0_to_go_on() -> None:
    assert KEEP_ALIVE in own_answer(SETTINGS, Failure("", 404), RECORD, request(b"GET / HTTP/1.0"), b"", close=False)


def test_a_browser_gets_html() -> None:
    browser = request(b"GET / HTTP/1.1", b"ACCEPT: text/html")
    assert accepts(browser) == b"text/html"
    assert b"<html" in own_answer(SETTINGS, Failure("", 404), RECORD, browser, b"", close=False)
    assert accepts(request(b"GET / HTTP/1.1")) == b""


def test_the_welcome_page_takes_the_place_of_404_alone() -> None:
    asked = request(b"GET /path HTTP/1.1")
    assert b"my.example" in own_answer(WELCOMING, Failure("", 404), RECORD, asked, b"", close=False)
    assert b"my.example" not in own_answer(WELCOMING, Failure("", 503), RECORD, asked, b"", close=False)


def test_our_own_answers_have_the_fields_that_are_given() -> None:
    for status in (400, 404, 502):
        for settings in (SETTINGS, WELCOMING):
            assert b"\r\nDate: now\r\n" in own_answer(settings, Failure("", status), RECORD, request(b"GET / HTTP/1.1"), b"Date: now\r\n", close=True)
    assert b"\r\nDate: now\r\n" in own_answer(SETTINGS, Failure("", 400), RECORD, None, b"Date: now\r\n", close=True)
