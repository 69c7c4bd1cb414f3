import html
import shlex

from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.proxy.default_answers import welcome_answer


def body(host: bytes, path: bytes = b"/", accept: bytes = b"*/*") -> str:
    head, _, page = welcome_answer(host, path, b"1", close=False, accept=accept).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert b"\r\nContent-Length: %d\r\n" % len(page) in head
    return page.decode()


def test_it_says_why_and_which_commands_would_route_this_host() -> None:
    page = body(b"blog.example.com:8080", b"/posts?x=1")
    assert "No frontend matches the host blog.example.com and the path /posts?x=1." in page
    assert "    sozu frontend add my-app blog.example.com\n" in page
    assert "    sozu backend add my-app 127.0.0.1:3000\n" in page


def test_a_browser_gets_html() -> None:
    page = body(b"blog.example.com", accept=b"text/html")
    assert page.startswith("<!DOCTYPE html>")
    assert "sozu cluster add my-app\nsozu frontend add my-app blog.example.com\n" in page


@pytest.mark.parametrize(("host", "name"), [(b"[::1]:8080", "'[::1]'"), (b"[::1]", "'[::1]'"), (b"", "'*'"), (b"a", "a")])
def test_the_hostname_comes_without_its_port(host: bytes, name: str) -> None:
    assert f"sozu frontend add my-app {name}\n" in body(host)


def test_what_the_client_sent_is_escaped_for_html() -> None:
    page = body(b"<script>", b"/<img src=x>", accept=b"text/html")
    assert "<script>" not in page
    assert "<img" not in page
    assert html.escape("/<img src=x>") in page


@given(st.binary(min_size=1, max_size=30))
def test_a_pasted_command_is_one_word_whatever_the_host_says(host: bytes) -> None:
    line = next(line for line in body(host).splitlines() if "frontend add" in line)
    assert len(shlex.split(line)) == 5
    assert line.isascii()
    assert line.isprintable()
