from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.command.hostnames import BadHostname, BadPath, normal_hostname, normal_path


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("*", "*"),
        ("Blog.Example.COM", "blog.example.com"),
        ("*.example.com", "*.example.com"),
        ("example.com.", "example.com"),
        ("localhost", "localhost"),
        ("my_app.internal", "my_app.internal"),
        ("127.0.0.1", "127.0.0.1"),
        ("[0:0::1]", "[::1]"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("*.BÜCHER.example", "*.xn--bcher-kva.example"),
        ("xn--strae-oqa.de", "xn--strae-oqa.de"),
        ("straße.example", "xn--strae-oqa.example"),
        ("ΣΊΣΥΦΟΣ.my_app.gr", "xn--kxa6akbbkh.my_app.gr"),
        ("日本。jp", "xn--wgv71a.jp"),
        ("\uff57\uff57\uff57.ex", "www.ex"),
        ("\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.com", "xn--mgba3gch31f060k.com"),
    ],
)
def test_a_hostname_has_one_spelling(written: str, normal: str) -> None:
    assert normal_hostname(written) == normal


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "a hostname is missing"),
        ("*.", "a hostname is missing"),
        ("http://blog.example.com", "is a URL"),
        ("blog.example.com/api", "`path`"),
        ("blog.example.com:8080", "holds a port"),
        ("blog*.example.com", "the star stands alone"),
        ("*.*.example.com", "the star stands alone"),
        ("*example.com", "the star stands alone"),
        ("a..b", "one dot too many"),
        (".example.com", "one dot too many"),
        ("a b", "letters, digits"),
        ("-a.example", "does not begin or end"),
        ("a-.example", "does not begin or end"),
        ("x" * 64 + ".example", "at most 63 characters"),
        (".".join(["x" * 63] * 4), "at most 253 characters, this one 255"),
        ("☃.example", 'its A-label ("xn--…")'),
        ("a\u200cb.example", "Joiner U+200C not allowed"),
        ("\ufdd0ü.example", "not an international hostname"),
        ("[::1", "is not an IPv6 address"),
        ("[::g]", "is not an IPv6 address"),
    ],
)
def test_a_wrong_hostname_says_what_would_be_right(text: str, why: str) -> None:
    with pytest.raises(BadHostname) as refused:
        normal_hostname(text)

    assert why in str(refused.value)


@pytest.mark.parametrize("path", ["/", "/api", "/api/", "/a%20b", "/~user/x.y;v=1,2:@!$&'()*+"])
def test_a_path_is_taken_as_it_is(path: str) -> None:
    assert normal_path(path) == path


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", 'a path begins with "/": "/"?'),
        ("api", 'a path begins with "/": "/api"?'),
        ("/a?b=1", 'ends before "?"'),
        ("/a#b", 'ends before "#"'),
        ("/a b", "write them as %20"),
        ("/a\n", "control characters"),
        ("/bücher", 'clients send "ü" as "%C3%BC"'),
        ("/a{b}", 'clients send "{" as "%7B"'),
    ],
)
def test_a_wrong_path_says_what_would_be_right(text: str, why: str) -> None:
    with pytest.raises(BadPath) as refused:
        normal_path(text)

    assert why in str(refused.value)


@given(st.text(max_size=20))
def test_any_text_is_a_hostname_or_refused_and_its_spelling_is_stable(text: str) -> None:
    try:
        normal = normal_hostname(text)
    except BadHostname:
        return
    assert normal.isascii()
    assert normal_hostname(normal) == normal
