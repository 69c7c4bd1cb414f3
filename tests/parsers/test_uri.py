import pytest

from sozu.parsers.reasons import Reason
from sozu.parsers.result import Done, Error, Incomplete, run
from sozu.parsers.uri import (
    ABSOLUTE,
    AUTHORITY,
    ORIGIN,
    Authority,
    Form,
    Target,
    form_refusal,
    normal_host,
    parse_authority,
    parse_target,
    uri,
)
from tests.parsers.three_ways import reads, refuses


def test_targets_are_read_whole_byte_by_byte_and_with_bytes_behind() -> None:
    reads(ORIGIN, b"/a/b?c", (b"/a/b", b"c"), after=b" ")
    reads(AUTHORITY, b"[::1]:80", Authority(b"[::1]", 80), after=b"\r\n")
    reads(ABSOLUTE, b"http://a%41:8/b?c", (b"http", Authority(b"a%41", 8), b"/b", b"c"), after=b" ")
    refuses(ORIGIN, b"*", 0)
    refuses(ABSOLUTE, b"http:/a", 6)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        (b"/", Target(Form.ORIGIN, b"/")),
        (b"/a/b?c=d?e", Target(Form.ORIGIN, b"/a/b", b"c=d?e")),
        (b"/?", Target(Form.ORIGIN, b"/", b"")),
        (b"//a/b", Target(Form.ORIGIN, b"//a/b")),
        (b'/a"|[]%', Target(Form.ORIGIN, b'/a"|[]%')),
        (b"*", Target(Form.ASTERISK)),
        (b"http://a.example", Target(Form.ABSOLUTE, b"", None, Authority(b"a.example"), b"http")),
        (b"HTTPS://a:8443/x?y", Target(Form.ABSOLUTE, b"/x", b"y", Authority(b"a", 8443), b"https")),
        (b"http://a?y", Target(Form.ABSOLUTE, b"", b"y", Authority(b"a"), b"http")),
        (b"http://[2001:db8::1]:80/", Target(Form.ABSOLUTE, b"/", None, Authority(b"[2001:db8::1]", 80), b"http")),
        (b"http://a%2Fb/", Target(Form.ABSOLUTE, b"/", None, Authority(b"a%2Fb"), b"http")),
        (b"a.example:443", Target(Form.AUTHORITY, authority=Authority(b"a.example", 443))),
        (b"http:80", Target(Form.AUTHORITY, authority=Authority(b"http", 80))),
    ],
)
def test_a_target_has_one_of_four_forms(text: bytes, target: Target) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize(
    ("text", "position"),
    [
        (b"", 0),
        (b"/a#b", 2),
        (b"/a b", 2),
        (b"/\xe9", 1),
        (b"**", 1),
        (b"\\a", 0),
        (b"http://a b/", 8),
        (b"http://user@a/", 11),
        (b"http://a:80:81/", 11),
        (b"http://a%zz/", 9),
    ],
)
def test_a_broken_target_is_an_error_where_it_breaks(text: bytes, position: int) -> None:
    outcome = parse_target(text)

    assert isinstance(outcome, Error)
    assert outcome.position == position


@pytest.mark.parametrize("text", [b"http:///x", b"http://[::1/", b"http://[::zz]/", b"http://[1.2.3.4]/"])
def test_a_target_without_a_sound_authority_is_an_error(text: bytes) -> None:
    assert isinstance(parse_target(text), Error)


@pytest.mark.parametrize(
    ("text", "authority"),
    [
        (b"", Authority(b"")),
        (b"A.example", Authority(b"A.example")),
        (b"a:", Authority(b"a")),
        (b"a:080", Authority(b"a", 80)),
        (b"a:0000000443", Authority(b"a", 443)),
        (b"a:0", Authority(b"a", 0)),
        (b"a:" + b"9" * 5000, Authority(b"a", 65536)),
        (b"127.0.0.1:65535", Authority(b"127.0.0.1", 65535)),
        (b"[::1]:1", Authority(b"[::1]", 1)),
        (b"_srv.a-b~!$&'()*+,;=%41", Authority(b"_srv.a-b~!$&'()*+,;=%41")),
    ],
)
def test_an_authority_is_host_and_port(text: bytes, authority: Authority) -> None:
    assert parse_authority(text) == authority


@pytest.mark.parametrize("text", [b"a b", b"a/b", b"u@a", b"a:80:81", b"a:http", b"a:+80", b"[::1", b"[v1.x]"])
def test_anything_else_is_no_authority(text: bytes) -> None:
    assert isinstance(parse_authority(text), Error)


@pytest.mark.parametrize(
    "text", [b"/a", b"/a?", b"h", b"http", b"http:/", b"http://", b"http://a", b"[::1", b"[::1]", b"a:8"]
)
def test_a_target_without_its_end_is_incomplete(text: bytes) -> None:
    assert isinstance(run(uri, text), Incomplete)


@pytest.mark.parametrize("text", [b"/a?b", b"http://a:80/b", b"a:443"])
def test_what_follows_a_target_is_left_alone(text: bytes) -> None:
    outcome = run(uri, text + b" HTTP/1.1")

    assert isinstance(outcome, Done)
    assert outcome.rest == b" HTTP/1.1"


@pytest.mark.parametrize(
    ("method", "target", "reason"),
    [
        (b"GET", b"/", None),
        (b"GET", b"http://a/", None),
        (b"OPTIONS", b"*", None),
        (b"GET", b"*", Reason.TARGET_FORM),
        (b"GET", b"a:80", Reason.TARGET_FORM),
        (b"GET", b"a", Reason.TARGET_FORM),
        (b"GET", b"", Reason.TARGET_FORM),
        (b"CONNECT", b"a:80", Reason.CONNECT),
        (b"CONNECT", b"/", Reason.CONNECT),
        (b"GET", b"/a#b", Reason.TARGET),
        (b"GET", b"http://a/#", Reason.TARGET),
    ],
)
def test_the_form_must_suit_the_method(method: bytes, target: bytes, reason: Reason | None) -> None:
    assert form_refusal(method, target) is reason


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (b"a.example", "a.example"),
        (b"A.EXAMPLE:8080", "a.example"),
        (b"a.example.", "a.example"),
        (b"a.example.:80", "a.example"),
        (b"a.example..", "a.example."),
        (b"127.0.0.1:80", "127.0.0.1"),
        (b"[::1]", "[::1]"),
        (b"[0:0::0001]:80", "[::1]"),
        (b"[::FFFF:1.2.3.4]", "[::ffff:102:304]"),
        (b"[::1", "[::1"),
        (b"", ""),
        (b"\xc9", "\xc9"),
    ],
)
def test_routes_are_looked_up_by_the_normal_host(value: bytes, key: str) -> None:
    assert normal_host(value) == key
