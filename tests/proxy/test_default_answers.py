import pytest

from sozu.proxy.default_answers import PAGES, default_answer


def parts(answer: bytes) -> tuple[bytes, dict[bytes, bytes], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    return first, dict(line.split(b": ", 1) for line in lines), body


@pytest.mark.parametrize("status", PAGES)
@pytest.mark.parametrize("accept", [b"*/*", b"text/html,*/*;q=0.8"])
def test_every_answer_has_its_length_and_the_request_id(status: int, accept: bytes) -> None:
    first, fields, body = parts(default_answer(status, b"7f3a", close=False, accept=accept))
    assert first.startswith(b"HTTP/1.1 %d " % status)
    assert int(fields[b"Content-Length"]) == len(body) > 0
    assert fields[b"Sozu-Id"] == b"7f3a"
    assert b"Connection" not in fields


def test_an_answer_that_ends_the_connection_says_so() -> None:
    assert parts(default_answer(400, b"1", close=True))[1][b"Connection"] == b"close"


def test_an_answer_to_head_has_the_length_and_no_body() -> None:
    whole = parts(default_answer(503, b"1", close=False))
    bare = parts(default_answer(503, b"1", close=False, head=True))
    assert bare[:2] == whole[:2]
    assert bare[2] == b""


def test_a_browser_gets_html_and_a_library_plain_text() -> None:
    _, fields, body = parts(default_answer(502, b"1", close=False, accept=b"Text/HTML, */*"))
    assert fields[b"Content-Type"] == b"text/html; charset=utf-8"
    assert b"<h1>502 Bad Gateway</h1>" in body
    _, fields, body = parts(default_answer(502, b"1", close=False))
    assert fields[b"Content-Type"] == b"text/plain; charset=utf-8"
    assert body == b"502 Bad Gateway: The site did not give a valid answer.\n"


def test_further_fields_are_added() -> None:
    assert parts(default_answer(501, b"1", close=False, fields=b"Allow: GET\r\n"))[1][b"Allow"] == b"GET"


def test_a_status_without_a_page_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        default_answer(299, b"1", close=False)
