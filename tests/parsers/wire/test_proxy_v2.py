from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.parsers.result import Complete, Done, Error, Incomplete, run
from sozu.parsers.wire.proxy_header import (
    Command,
    Endpoint,
    Family,
    Party,
    ProxyHeader,
    Tlv,
    TlvKind,
    Transport,
    UnixPath,
)
from sozu.parsers.wire.proxy_v2 import MOST_TLVS, SIGNATURE, START, crc32c, proxy_v2, tls_facts, write_v2
from tests.parsers.three_ways import reads, refuses

ENDS = bytes([192, 0, 2, 1, 198, 51, 100, 7, 0xDC, 0x04, 0x01, 0xBB])
SOURCE, DESTINATION = Endpoint("192.0.2.1", 56324), Endpoint("198.51.100.7", 443)


def header(
    family: Family = Family.INET,
    source: Party = SOURCE,
    destination: Party = DESTINATION,
    tlvs: tuple[Tlv, ...] = (),
    transport: Transport = Transport.STREAM,
) -> ProxyHeader:
    return ProxyHeader(2, Command.PROXY, family, transport, source, destination, tlvs)


def binary(kind: bytes, content: bytes) -> bytes:
    return SIGNATURE + kind + len(content).to_bytes(2, "big") + content


LOCAL = ProxyHeader(2, Command.LOCAL)
SOME = [
    (binary(b"\x21\x11", ENDS), header()),
    (binary(b"\x21\x12", ENDS), header(transport=Transport.DGRAM)),
    (
        binary(b"\x21\x11", ENDS + b"\x01\0\x02h2\x04\0\0"),
        header(tlvs=(Tlv(TlvKind.ALPN, b"h2"), Tlv(TlvKind.NOOP, b""))),
    ),
    (
        binary(b"\x21\x21", bytes(15) + b"\x01" + bytes(15) + b"\x02" + b"\0\x01\0\x02"),
        header(Family.INET6, Endpoint("::1", 1), Endpoint("::2", 2)),
    ),
    (
        binary(b"\x21\x31", b"/run/a".ljust(108, b"\0") + b"\0abstract".ljust(108, b"\0")),
        header(Family.UNIX, UnixPath(b"/run/a"), UnixPath(b"\0abstract")),
    ),
    (binary(b"\x20\x00", b""), LOCAL),
    (binary(b"\x20\x00", b"anything at all"), LOCAL),
    (binary(b"\x21\x00", b"anything at all"), ProxyHeader(2)),
    (binary(b"\x21\x10", ENDS), ProxyHeader(2, family=Family.INET)),
    (binary(b"\x21\x01", b""), ProxyHeader(2, transport=Transport.STREAM)),
]


@pytest.mark.parametrize(("data", "value"), SOME)
def test_a_header_tells_who_connected(data: bytes, value: ProxyHeader) -> None:
    reads(proxy_v2, data, value)
    reads(proxy_v2, data, value, after=b"GET / HTTP/1.1\r\n")


def test_after_sixteen_bytes_it_is_known_how_many_are_missing() -> None:
    data = binary(b"\x21\x11", ENDS + b"\x01\0\x02h2")

    for size in range(16, len(data)):
        outcome = run(proxy_v2, data[:size])
        assert isinstance(outcome, Incomplete)
        assert outcome.needed.hint() == len(data) - size


@pytest.mark.parametrize(
    ("data", "position"),
    [
        (b"PROXY", 0),
        (b"\r\n\r\n\0\r\nQUIT\r", 11),
        (SIGNATURE + b"\x11\x11", 12),
        (SIGNATURE + b"\x22\x11", 12),
        (SIGNATURE + b"\x21\x41", 13),
        (SIGNATURE + b"\x21\x13", 13),
    ],
)
def test_what_is_not_assigned_is_an_error_at_its_byte(data: bytes, position: int) -> None:
    refuses(START, data, position)
    refuses(proxy_v2, data, position)


@pytest.mark.parametrize(
    ("content", "position"),
    [
        (ENDS[:-1], 27),
        (b"", 16),
        (ENDS + b"\x01", 29),
        (ENDS + b"\x01\0", 30),
        (ENDS + b"\x01\0\x03h2", 33),
        (ENDS + b"\x01\0\x01h2", 33),
    ],
)
def test_a_length_that_lies_is_an_error(content: bytes, position: int) -> None:
    outcome = run(proxy_v2, binary(b"\x21\x11", content) + b"behind it")

    assert isinstance(outcome, Error)
    assert outcome.position == position


def test_the_checksum_is_that_of_castagnoli() -> None:
    assert crc32c(b"123456789") == 0xE3069283


def test_a_checksum_that_is_right_is_accepted_wherever_it_stands() -> None:
    tlvs = (Tlv(TlvKind.AUTHORITY, b"a.example"), Tlv(TlvKind.CRC32C, bytes(4)), Tlv(TlvKind.NOOP, b"x"))
    blank = write_v2(header(tlvs=tlvs))
    right = blank.replace(b"\x03\0\x04" + bytes(4), b"\x03\0\x04" + crc32c(blank).to_bytes(4, "big"))

    outcome = run(proxy_v2, b"before" + right, 6)
    assert isinstance(outcome, Done)
    assert outcome.value.tlv(TlvKind.AUTHORITY) == b"a.example"


def test_a_checksum_that_is_wrong_is_an_error_at_its_place() -> None:
    data = write_v2(header(), checksum=True)
    outcome = run(proxy_v2, data[:-1] + bytes([data[-1] ^ 1]))

    assert isinstance(outcome, Error)
    assert outcome.position == len(data) - 4


def test_a_checksum_of_another_size_is_wrong() -> None:
    assert isinstance(run(proxy_v2, write_v2(header(tlvs=(Tlv(TlvKind.CRC32C, b"abc"),)))), Error)


def test_a_written_checksum_is_right() -> None:
    outcome = run(proxy_v2, write_v2(header(tlvs=(Tlv(TlvKind.NOOP, b"x"),)), checksum=True))

    assert isinstance(outcome, Done)
    assert [tlv.kind for tlv in outcome.value.tlvs] == [TlvKind.NOOP, TlvKind.CRC32C]


def test_a_tlv_that_is_not_there_is_none() -> None:
    assert header().tlv(TlvKind.ALPN) is None


def test_the_tlv_about_tls_names_its_parts() -> None:
    value = b"\x07" + bytes(4) + b"\x21\0\x07TLSv1.3" + b"\x22\0\x03bob" + b"\x2f\0\x01?"
    outcome = run(tls_facts, Complete(value))

    assert isinstance(outcome, Done)
    assert outcome.value == {
        "tls": True,
        "certificate": True,
        "verified": True,
        "version": "TLSv1.3",
        "common_name": "bob",
    }


PORTS = st.integers(0, 65535)
TRANSPORTS = st.sampled_from([Transport.STREAM, Transport.DGRAM])
TLVS = st.lists(
    st.builds(Tlv, st.integers(0, 255).filter(lambda kind: kind != TlvKind.CRC32C), st.binary(max_size=20)), max_size=20
).map(tuple)
V4 = st.builds(Endpoint, st.ip_addresses(v=4).map(str), PORTS)
V6 = st.builds(Endpoint, st.ip_addresses(v=6).map(str), PORTS)
PATHS = st.builds(UnixPath, st.binary(max_size=108).map(lambda path: path.rstrip(b"\0")))
HEADERS = st.one_of(
    st.builds(header, st.just(Family.INET), V4, V4, TLVS, TRANSPORTS),
    st.builds(header, st.just(Family.INET6), V6, V6, TLVS, TRANSPORTS),
    st.builds(header, st.just(Family.UNIX), PATHS, PATHS, TLVS, TRANSPORTS),
    st.just(LOCAL),
    st.just(ProxyHeader(2)),
)


@given(HEADERS)
def test_what_is_written_is_read_back(value: ProxyHeader) -> None:
    data = write_v2(value)

    assert run(proxy_v2, data) == Done(data, value, len(data))


@given(st.binary(max_size=60))
def test_any_content_is_read_or_refused(content: bytes) -> None:
    assert isinstance(run(proxy_v2, binary(b"\x21\x11", content)), Done | Error)


def test_there_is_a_limit_to_tlvs() -> None:
    some = write_v2(header(tlvs=(Tlv(TlvKind.NOOP, b""),) * MOST_TLVS))
    more = write_v2(header(tlvs=(Tlv(TlvKind.NOOP, b""),) * (MOST_TLVS + 1)))

    assert isinstance(run(proxy_v2, some), Done)
    outcome = run(proxy_v2, more)
    assert isinstance(outcome, Error)
    assert outcome.position == len(some)


def test_more_than_a_length_can_say_cannot_be_written() -> None:
    with pytest.raises(OverflowError):
        write_v2(header(tlvs=(Tlv(1, bytes(65535)),) * 2))
