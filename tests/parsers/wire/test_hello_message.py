import pytest

from sozu.parsers.result import Error
from sozu.parsers.wire.hello_message import MOST_EXTENSIONS, MOST_PROTOCOLS, ClientHello, is_grease, parse_message
from tests.parsers.wire.hellos import ALPN, RANDOM, Extensions, alpn, body, outer_hello, server_name, sized, versions


def hello(content: bytes) -> ClientHello:
    found = parse_message(content)
    assert isinstance(found, ClientHello), found
    return found


def wrong_at(content: bytes) -> int:
    found = parse_message(content)
    assert isinstance(found, Error), found
    assert found.expected
    return found.position


def test_name_protocols_and_versions_are_read() -> None:
    extensions = [server_name(b"Blog.example.com"), alpn(b"h2", b"http/1.1"), versions(0x0304, 0x0303), (0xFF01, b"\0")]

    assert hello(body(extensions, session_id=b"\1\2", suites=b"\x13\x01\x13\x02")) == ClientHello(
        server_name="Blog.example.com",
        alpn=(b"h2", b"http/1.1"),
        versions=(0x0304, 0x0303),
        cipher_suites=(0x1301, 0x1302),
        extensions=(0, 16, 43, 0xFF01),
        session_id=b"\1\2",
    )


@pytest.mark.parametrize("extensions", [None, ()])
def test_an_old_hello_says_little(extensions: Extensions | None) -> None:
    assert hello(body(extensions)) == ClientHello(None, (), (0x0303,), (0x1301,), ())


def test_grease_is_left_out_wherever_it_stands() -> None:
    extensions = [(0x0A0A, b""), server_name(b"a"), alpn(b"\x1a\x1a", b"h2"), versions(0x3A3A, 0x0304), (0xFAFA, b"\0")]

    found = hello(body(extensions, suites=b"\x2a\x2a\x13\x01"))
    assert (found.alpn, found.versions, found.cipher_suites) == ((b"h2",), (0x0304,), (0x1301,))
    assert found.extensions == (0, 16, 43)


def test_grease_has_sixteen_values() -> None:
    assert [number for number in range(0x10000) if is_grease(number)] == [0x1010 * high + 0x0A0A for high in range(16)]


def test_the_outer_hello_of_an_encrypted_one_is_marked() -> None:
    found = hello(body([outer_hello(), server_name(b"public.example")]))

    assert found.encrypted
    assert found.server_name == "public.example"


def test_an_inner_hello_is_never_sent_in_the_clear() -> None:
    assert wrong_at(body([(0xFE0D, b"\1")])) == len(body([(0xFE0D, b"")]))


@pytest.mark.parametrize("name", [b"", b"a b", b"a\0b", b"h\xc3\xa9", b"[::1]", b"a/b", b"a:443", b"a" * 256])
def test_a_name_that_is_no_host_name_is_an_error(name: bytes) -> None:
    assert isinstance(parse_message(body([server_name(name)])), Error)


def test_the_longest_name_is_one() -> None:
    assert hello(body([server_name(b"a" * 255)])).server_name == "a" * 255


def test_an_error_tells_its_place() -> None:
    before = len(body([server_name(b"")]))

    assert wrong_at(body([server_name(b"a b")])) == before + 1


@pytest.mark.parametrize(
    "extension",
    [
        (0, b""),
        (0, b"\0\0"),
        server_name(b"a", kind=1),
        (0, sized(b"\0" + sized(b"a") + b"\0" + sized(b"b"))),
        (0, sized(b"\0" + sized(b"a")) + b"x"),
        (0, b"\0\x09\0\0\1a"),
        alpn(),
        alpn(b""),
        alpn(b"h2", b""),
        (ALPN, b"\0\3\4h2"),
        alpn(*[b"x"] * (MOST_PROTOCOLS + 1)),
        versions(),
        (43, b"\3\3\4\3"),
        (0xFE0D, b""),
    ],
)
def test_an_extension_whose_lengths_lie_is_an_error(extension: tuple[int, bytes]) -> None:
    assert isinstance(parse_message(body([extension])), Error)


def test_an_extension_comes_once() -> None:
    assert isinstance(parse_message(body([server_name(b"a"), server_name(b"b")])), Error)
    assert isinstance(parse_message(body([(99, b""), (99, b"")])), Error)


def test_there_is_a_limit_to_extensions() -> None:
    hello(body([(kind + 1000, b"") for kind in range(MOST_EXTENSIONS)]))

    assert isinstance(parse_message(body([(kind + 1000, b"") for kind in range(MOST_EXTENSIONS + 1)])), Error)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x03\x03" + RANDOM,
        body(None, session_id=bytes(33)),
        body(None, suites=b""),
        body(None, suites=b"\x13\x01\x13"),
        body(None, compression=b""),
        body() + b"\0",
        body(None) + b"\0",
        body(None) + b"\0\5\0\0\0\0",
        body(None) + b"\0\3\0\0\0",
    ],
)
def test_a_message_whose_parts_do_not_fit_is_an_error(content: bytes) -> None:
    assert 0 <= wrong_at(content) <= len(content)


def test_each_beginning_of_a_message_is_an_error_or_an_older_hello() -> None:
    content = body([server_name(b"a.example"), alpn(b"h2")], session_id=bytes(32))

    for size in range(len(content)):
        if content[:size] != body(None, session_id=bytes(32)):
            assert wrong_at(content[:size]) <= size
