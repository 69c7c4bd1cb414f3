from dataclasses import dataclass

import pytest

from sozu.parsers.body import (
    CHUNKED,
    NO_BODY,
    TUNNEL,
    UNTIL_CLOSE,
    Framing,
    Length,
    request_framing,
    response_framing,
)
from sozu.parsers.reasons import Reason, Refusal


@dataclass(frozen=True)
class Request:
    method: bytes = b"POST"
    target: bytes = b"/"
    minor: int = 1
    host: bytes | None = b"a.example"
    content_length: bytes | None = None
    transfer_encoding: bytes | None = None
    expect: bytes | None = None


@dataclass(frozen=True)
class Response:
    status: int = 200
    minor: int = 1
    content_length: bytes | None = None
    transfer_encoding: bytes | None = None


@pytest.mark.parametrize(
    ("request_", "framing"),
    [
        (Request(), NO_BODY),
        (Request(content_length=b"0"), NO_BODY),
        (Request(content_length=b"00"), NO_BODY),
        (Request(content_length=b"5"), Length(5)),
        (Request(content_length=b"010"), Length(10)),
        (Request(content_length=b"9" * 18), Length(10**18 - 1)),
        (Request(transfer_encoding=b"chunked"), CHUNKED),
        (Request(transfer_encoding=b"ChUnKeD"), CHUNKED),
        (Request(minor=0, content_length=b"5"), Length(5)),
        (Request(minor=0, host=None), NO_BODY),
        (Request(minor=0, expect=b"anything"), NO_BODY),
        (Request(expect=b"100-Continue", content_length=b"5"), Length(5)),
        (Request(method=b"GET", content_length=b"5"), Length(5)),
        (Request(method=b"OPTIONS", target=b"*"), NO_BODY),
        (Request(target=b"http://a.example/x"), NO_BODY),
        (Request(target=b"HTTPS://[::1]:8080"), NO_BODY),
    ],
)
def test_request_body_ends_as_its_head_says(request_: Request, framing: Framing) -> None:
    assert request_framing(request_) == framing


@pytest.mark.parametrize(
    ("request_", "reason", "status"),
    [
        (Request(content_length=b"5", transfer_encoding=b"chunked"), Reason.LENGTH_AND_CODING, 400),
        (Request(minor=0, transfer_encoding=b"chunked"), Reason.CODING_IN_HTTP_1_0, 400),
        (Request(transfer_encoding=b"gzip, chunked"), Reason.CODING_UNKNOWN, 501),
        (Request(transfer_encoding=b"chunked, chunked"), Reason.CODING_UNKNOWN, 501),
        (Request(transfer_encoding=b"identity"), Reason.CODING_UNKNOWN, 501),
        (Request(transfer_encoding=b"\x0bchunked"), Reason.CODING_UNKNOWN, 501),
        (Request(transfer_encoding=b""), Reason.CODING_UNKNOWN, 501),
        (Request(content_length=b""), Reason.LENGTH_INVALID, 400),
        (Request(content_length=b"+5"), Reason.LENGTH_INVALID, 400),
        (Request(content_length=b"-5"), Reason.LENGTH_INVALID, 400),
        (Request(content_length=b"0x5"), Reason.LENGTH_INVALID, 400),
        (Request(content_length=b"1_0"), Reason.LENGTH_INVALID, 400),
        (Request(content_length=b"3, 3"), Reason.LENGTH_INVALID, 400),
        (Request(content_length=b" 3"), Reason.LENGTH_INVALID, 400),
        (Request(content_length="٣".encode()), Reason.LENGTH_INVALID, 400),
        (Request(content_length=b"1" * 19), Reason.LENGTH_INVALID, 400),
        (Request(host=None), Reason.HOST_MISSING, 400),
        (Request(expect=b"100-continue, x"), Reason.EXPECTATION, 417),
        (Request(method=b"CONNECT", target=b"a.example:443"), Reason.CONNECT, 501),
        (Request(method=b"CONNECT", target=b"/"), Reason.CONNECT, 501),
        (Request(method=b"GET", target=b"*"), Reason.TARGET_FORM, 400),
        (Request(target=b"a.example:443"), Reason.TARGET_FORM, 400),
        (Request(target=b"ftp://a.example/"), Reason.TARGET_FORM, 400),
        (Request(target=b"/a#b"), Reason.TARGET, 400),
        (Request(target=b"http:///x"), Reason.TARGET_FORM, 400),
        (Request(target=b"http://user@a.example/"), Reason.TARGET_FORM, 400),
    ],
)
def test_ambiguous_or_broken_request_is_refused_with_its_reason(request_: Request, reason: Reason, status: int) -> None:
    assert request_framing(request_) == Refusal(reason, status)


@pytest.mark.parametrize(
    ("response", "method", "framing"),
    [
        (Response(), b"GET", UNTIL_CLOSE),
        (Response(content_length=b"5"), b"GET", Length(5)),
        (Response(content_length=b"0"), b"GET", NO_BODY),
        (Response(transfer_encoding=b"chunked"), b"GET", CHUNKED),
        (Response(minor=0, content_length=b"5"), b"GET", Length(5)),
        (Response(content_length=b"5"), b"HEAD", NO_BODY),
        (Response(transfer_encoding=b"chunked"), b"HEAD", NO_BODY),
        (Response(), b"HEAD", NO_BODY),
        (Response(status=304, content_length=b"5"), b"GET", NO_BODY),
        (Response(status=304), b"GET", NO_BODY),
        (Response(status=204), b"GET", NO_BODY),
        (Response(status=204, content_length=b"0"), b"GET", NO_BODY),
        (Response(status=103), b"GET", NO_BODY),
        (Response(status=101), b"GET", TUNNEL),
        (Response(status=200), b"CONNECT", TUNNEL),
        (Response(status=407), b"CONNECT", UNTIL_CLOSE),
    ],
)
def test_response_body_ends_as_head_status_and_method_say(response: Response, method: bytes, framing: Framing) -> None:
    assert response_framing(response, method) == framing


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (Response(content_length=b"5", transfer_encoding=b"chunked"), Reason.LENGTH_AND_CODING),
        (Response(content_length=b"5.0"), Reason.LENGTH_INVALID),
        (Response(transfer_encoding=b"cow"), Reason.CODING_UNKNOWN),
        (Response(minor=0, transfer_encoding=b"chunked"), Reason.CODING_IN_HTTP_1_0),
        (Response(status=204, content_length=b"5"), Reason.BODY_FORBIDDEN),
        (Response(status=204, transfer_encoding=b"chunked"), Reason.BODY_FORBIDDEN),
        (Response(status=103, content_length=b"5"), Reason.BODY_FORBIDDEN),
    ],
)
def test_broken_response_becomes_502_with_its_reason(response: Response, reason: Reason) -> None:
    assert response_framing(response, b"GET") == Refusal(reason, 502)


def test_a_head_response_with_impossible_framing_is_refused_too() -> None:
    assert response_framing(Response(content_length=b"x"), b"HEAD") == Refusal(Reason.LENGTH_INVALID, 502)
