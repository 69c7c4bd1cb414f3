import socket

from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.command.addresses import (
    Address,
    BadAddress,
    has_port_0,
    is_usual,
    named_address,
    normal_address,
    parse_address,
)


@pytest.mark.parametrize(
    ("text", "family", "sockaddr"),
    [
        ("127.0.0.1:8080", socket.AF_INET, ("127.0.0.1", 8080)),
        ("0.0.0.0:0", socket.AF_INET, ("0.0.0.0", 0)),
        ("[::1]:65535", socket.AF_INET6, ("::1", 65535)),
        ("unix:/run/app.sock", socket.AF_UNIX, "/run/app.sock"),
        ("unix:/odd:name", socket.AF_UNIX, "/odd:name"),
    ],
)
def test_an_address_gives_what_bind_and_connect_take(text: str, family: int, sockaddr: object) -> None:
    address = parse_address(text)

    assert (address.family, address.sockaddr) == (family, sockaddr)
    assert str(address) == text


@pytest.mark.parametrize(
    ("written", "normal"),
    [("[0:0:0:0:0:0:0:1]:80", "[::1]:80"), ("[2001:DB8::A]:80", "[2001:db8::a]:80"), ("127.0.0.1:080", "127.0.0.1:80")],
)
def test_two_spellings_of_one_address_are_one(written: str, normal: str) -> None:
    assert normal_address(written) == normal


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "an address is missing"),
        ("127.0.0.1", 'a port is missing: "127.0.0.1:8080"?'),
        ("8080", 'a host is missing: "127.0.0.1:8080"?'),
        (":8080", '"0.0.0.0:8080" or "[::]:8080"'),
        ("*:8080", '"0.0.0.0:8080" or "[::]:8080"'),
        ("localhost:8080", '"localhost" may mean two addresses: write "127.0.0.1:8080" or "[::1]:8080"'),
        ("example.com:80", '"example.com" is not an IPv4 address'),
        ("http://127.0.0.1:80", 'an address has no scheme: "127.0.0.1:80"?'),
        ("127.0.0.01:80", "is not an IPv4 address"),
        ("256.0.0.1:80", "is not an IPv4 address"),
        ("127.0.0.1:65536", '"65536" is not a port'),
        ("127.0.0.1:+80", '"+80" is not a port'),
        ("127.0.0.1:8_0", "is not a port"),
        ("127.0.0.1:٨٠", "is not a port"),
        ("127.0.0.1:", '"" is not a port'),
        ("::1:8080", 'an IPv6 address stands in brackets: "[::1]:8080"'),
        ("::", 'a port is missing: "[::]:8080"?'),
        ("[::1]", 'a port is missing: "[::1]:8080"?'),
        ("[::1:80", "is not an IPv6 address in brackets"),
        ("[127.0.0.1]:80", "is not an IPv6 address in brackets"),
        ("[fe80::1%eth0]:80", "addresses with a zone"),
        ("unix:run/app.sock", '"unix:/run/app.sock"?'),
        ("unix:/a\0b", "no NUL"),
        ("unix:/" + "x" * 107, "at most 107 bytes"),
        ("/run/app.sock", 'a unix socket is written "unix:/run/app.sock"'),
    ],
)
def test_a_wrong_address_says_what_would_be_right(text: str, why: str) -> None:
    with pytest.raises(BadAddress) as refused:
        parse_address(text)

    assert why in str(refused.value)


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_refused_and_normal_spelling_is_stable(text: str) -> None:
    try:
        normal = normal_address(text)
    except BadAddress:
        return
    assert normal_address(normal) == normal


def test_a_port_chosen_by_the_kernel_replaces_zero() -> None:
    assert parse_address("[::1]:0").with_port(4711) == Address(socket.AF_INET6, "::1", 4711)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("app.example.com:80", ("app.example.com", 80)),
        ("Redis:6379", ("redis", 6379)),
        ("localhost:1", None),
        ("a_b.c-d.ex:65535", ("a_b.c-d.ex", 65535)),
        ("127.0.0.1:80", None),
        ("127.0.0.l:80", None),
        ("app.example.com", None),
        ("app.example.com:0", None),
        ("app.example.com:65536", None),
        ("-a.example:80", None),
        ("a..example:80", None),
        ("http://a.example:80", None),
        ("*.example:80", None),
        ("unix:/a:80", None),
        ("[::1]:80", None),
        (f"{'a.' * 130}example:80", None),
    ],
)
def test_a_backend_may_be_given_by_a_name(text: str, found: tuple[str, int] | None) -> None:
    assert named_address(text) == found


@pytest.mark.parametrize("text", ["0.0.0.0:0", "127.0.0.1:65535", "255.249.199.9:80", "10.20.30.40:8080"])
def test_the_usual_spelling_is_the_one_spelling(text: str) -> None:
    assert is_usual(text)
    assert normal_address(text) == text


@pytest.mark.parametrize("text", ["127.0.0.1:65536", "127.0.0.1:080", "256.0.0.1:80", "127.0.0.01:80", "127.0.0.1", "[::1]:80", "127.0.0.1:80\n", "unix:/a"])
def test_what_is_not_in_the_usual_spelling(text: str) -> None:
    assert not is_usual(text)


def test_several_listeners_whose_ports_the_kernel_chooses_are_told_apart() -> None:
    first = parse_address("127.0.0.1:0")
    second = first.next()
    assert (str(second), second.sockaddr, str(second.next())) == ("127.0.0.1:0/2", ("127.0.0.1", 0), "127.0.0.1:0/3")
    assert parse_address("[::1]:0/2") == parse_address("[0:0::1]:0").next()
    assert second.with_port(80) == parse_address("127.0.0.1:80")


@pytest.mark.parametrize("text", ["127.0.0.1:80/2", "127.0.0.1:0/1", "127.0.0.1:0/", "127.0.0.1:0/02", "127.0.0.1:0/2/3", ":0/2"])
def test_only_port_0_is_numbered(text: str) -> None:
    with pytest.raises(BadAddress):
        parse_address(text)


def test_only_tcp_addresses_with_port_0_have_port_0() -> None:
    assert all(map(has_port_0, ("[::]:0", "127.0.0.1:0", "127.0.0.1:0/7")))
    assert not any(map(has_port_0, ("127.0.0.1:80", "unix:/run/app:0", "no address", "")))
