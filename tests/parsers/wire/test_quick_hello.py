"""The quick reading of a ClientHello says what the grammar says, or nothing."""

import ssl

from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.parsers.result import Error
from sozu.parsers.wire.hello_message import ClientHello, careful_hello, parse_message, quick_hello
from sozu.parsers.wire.quick_hello import quick_wish

HEAD = b"\x03\x03" + bytes(32)
SUITES = b"\x00\x04\x13\x01\x0a\x0a"
NULL = b"\x01\x00"


def real(name: str | None = "blog.example.com", *protocols: str, version: ssl.TLSVersion | None = None) -> bytes:
    """What OpenSSL sends, without record and handshake headers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    if protocols:
        context.set_alpn_protocols(protocols)
    if version is not None:
        context.maximum_version = version
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name).do_handshake()
    return outgoing.read()[9:]


def extended(*extensions: tuple[int, bytes]) -> bytes:
    pieces = b"".join(kind.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data for kind, data in extensions)
    return HEAD + b"\x00" + SUITES + NULL + len(pieces).to_bytes(2, "big") + pieces


def sized(data: bytes, size: int = 2) -> bytes:
    return len(data).to_bytes(size, "big") + data


ECH = b"\x00" + b"\x00\x01\x00\x01\x07" + sized(b"k" * 32) + sized(b"p" * 144)
MESSAGES = [
    real(),
    real(None),
    real("x" * 63 + ".example", "h2", "http/1.1"),
    real(version=ssl.TLSVersion.TLSv1_2),
    HEAD + b"\x00" + SUITES + NULL,
    HEAD + b"\x20" + bytes(32) + SUITES + NULL + b"\x00\x00",
    extended((0, sized(b"\x00" + sized(b"a.example"))), (16, sized(b"\x02h2\x08http/1.1")), (43, b"\x04\x7a\x7a\x03\x04"), (0xFE0D, ECH)),
    extended((0x0A0A, b""), (16, sized(b"\x02\x8a\x8a\x08http/1.1"))),
]


@pytest.mark.parametrize("message", MESSAGES)
def test_usual_hellos_are_read_quickly_and_mean_the_same(message: bytes) -> None:
    quick = quick_hello(message)
    assert isinstance(quick, ClientHello)
    assert quick == careful_hello(message)


def test_the_wish_is_what_is_asked_for_and_nothing_else() -> None:
    name, spoken = sized(b"\x00" + sized(b"a.example")), sized(b"\x08http/1.1")
    one = extended((0, name), (16, spoken), (51, b"of one key"))
    other = extended((43, b"\x02\x03\x04"), (16, spoken), (51, b"of another"), (0, name))
    assert quick_wish(one) == quick_wish(other) == (name, spoken)
    assert quick_wish(extended((43, b"\x02\x03\x04"))) == (None, None)
    assert quick_wish(extended((0, b""))) == (b"", None)  # of whom nobody is served who could be recalled


@pytest.mark.parametrize(
    "data",
    [
        (0, sized(b"\x00" + sized(b""))),
        (0, sized(b"\x01" + sized(b"a"))),
        (0, sized(b"\x00" + sized(b"a\0b"))),
        (0, sized(b"\x00" + sized(b"a")) + b"x"),
        (0, sized(b"\x00" + sized(b"a") + b"\x00" + sized(b"b"))),
        (0, b""),
        (16, sized(b"")),
        (16, sized(b"\x00")),
        (16, sized(b"\x03h2")),
        (16, sized(b"\x01a" * 33)),
        (16, sized(b"\x01a") + b"x"),
        (43, b"\x00"),
        (43, b"\x03\x03\x04\x03"),
        (43, b"\x02\x03\x04\x03"),
        (43, b""),
        (0xFE0D, b"\x01"),
        (0xFE0D, ECH + b"x"),
        (0xFE0D, ECH[:-1]),
        (0xFE0D, b"\x02" + ECH[1:]),
    ],
)
def test_what_is_wrong_or_unusual_is_for_the_grammar(data: tuple[int, bytes]) -> None:
    message = extended(data)
    assert quick_hello(message) is None
    assert parse_message(message) == careful_hello(message)


def test_an_extension_that_comes_twice_is_for_the_grammar() -> None:
    assert quick_hello(extended((1, b""), (1, b""))) is None
    assert quick_hello(extended(*((number, b"") for number in range(100, 165)))) is None
    assert isinstance(parse_message(extended((1, b""), (1, b""))), Error)


edits = st.lists(
    st.tuples(st.sampled_from(["set", "cut", "insert", "delete", "add"]), st.integers(0, 700), st.integers(0, 255)), min_size=1, max_size=4
)


@given(st.sampled_from(MESSAGES), edits)
def test_of_bent_hellos_both_readings_say_the_same(message: bytes, changes: list[tuple[str, int, int]]) -> None:
    bent = bytearray(message)
    for how, place, byte in changes:
        at = place % (len(bent) + 1)
        match how:
            case "set":
                bent[at : at + 1] = bytes([byte])
            case "cut":
                del bent[at:]
            case "insert":
                bent[at:at] = bytes([byte])
            case "delete":
                del bent[at : at + 1]
            case "add" if at < len(bent):
                bent[at] = (bent[at] + (1 if byte & 1 else 255)) & 255
    quick, careful, wish = quick_hello(bytes(bent)), careful_hello(bytes(bent)), quick_wish(bytes(bent))
    assert quick is None or quick == careful
    if wish is not None:  # a hello with the same wish, and nothing else to doubt, is refused or asks for the same
        asked = quick_hello(extended(*((kind, data) for kind, data in zip((0, 16), wish, strict=True) if data is not None)))
        assert asked == quick if quick is None or asked is None else (asked.server_name, asked.alpn) == (quick.server_name, quick.alpn)
