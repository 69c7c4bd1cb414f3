from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.parsers.result import Complete, Done, Error, run
from sozu.parsers.wire.proxy_header import Endpoint, Family, ProxyHeader, Transport, UnixPath
from sozu.parsers.wire.proxy_v1 import LINE, LONGEST_LINE, UNKNOWN, proxy_v1, write_v1
from tests.parsers.three_ways import reads, refuses


def over(family: Family, source: Endpoint, destination: Endpoint) -> ProxyHeader:
    return ProxyHeader(1, family=family, transport=Transport.STREAM, source=source, destination=destination)


TCP4 = over(Family.INET, Endpoint("192.0.2.1", 56324), Endpoint("198.51.100.7", 443))
TCP6 = over(Family.INET6, Endpoint("2001:db8::1", 0), Endpoint("::1", 65535))
LONGEST = b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535".ljust(LONGEST_LINE - 2, b"-") + b"\r\n"


@pytest.mark.parametrize(
    ("line", "header"),
    [
        (b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n", TCP4),
        (b"PROXY TCP6 2001:db8::1 ::1 0 65535\r\n", TCP6),
        (b"PROXY TCP6 2001:0DB8:0:0:0:0:0:1 0:0:0:0:0:0:0:1 0 65535\r\n", TCP6),
        (
            b"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n",
            over(Family.INET6, Endpoint("::ffff:c000:201", 1), Endpoint("::1", 2)),
        ),
        (b"PROXY UNKNOWN\r\n", UNKNOWN),
        (b"PROXY UNKNOWN \r\n", UNKNOWN),
        (LONGEST, UNKNOWN),
    ],
)
def test_a_line_tells_who_connected(line: bytes, header: ProxyHeader) -> None:
    reads(proxy_v1, line, header)
    reads(proxy_v1, line, header, after=b"GET / HTTP/1.1\r\n")


def test_the_grammar_reads_the_same_fused_and_step_by_step() -> None:
    reads(LINE, b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n", TCP4)
    reads(LINE, LONGEST, UNKNOWN)


@pytest.mark.parametrize(
    ("line", "position"),
    [
        (b"GET / HTTP/1.1\r\n", 0),
        (b"proxy TCP4 ", 0),
        (b"PROXY  TCP4", 6),
        (b"PROXY TCP5 ", 9),
        (b"PROXY UDP4 ", 7),
        (b"PROXY UNKNOWN\n", 13),
        (b"PROXY UNKNOWNS\r\n", 13),
        (b"PROXY UNKNOWN a\n", 15),
        (LONGEST[:-2] + b"-\r\n", LONGEST_LINE - 2),
        (b"PROXY TCP4 192.0.2.256 ", 21),
        (b"PROXY TCP4 192.0.02.1 ", 18),
        (b"PROXY TCP4 192.0.2 ", 18),
        (b"PROXY TCP4 192.0.2.1.1 ", 20),
        (b"PROXY TCP4 1.1.1.1  1.1.1.1", 19),
        (b"PROXY TCP4 1.1.1.1 1.1.1.1 65536 1\r\n", 31),
        (b"PROXY TCP4 1.1.1.1 1.1.1.1 080 1\r\n", 28),
        (b"PROXY TCP4 1.1.1.1 1.1.1.1 -1 1\r\n", 27),
        (b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1 \r\n", 30),
        (b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n", 30),
        (b"PROXY TCP6 1::g ", 14),
        (b"PROXY TCP6 : ", 12),
        (b"PROXY TCP6 [::1] ", 11),
    ],
)
def test_anything_else_is_an_error_where_it_breaks(line: bytes, position: int) -> None:
    refuses(LINE, line, position)
    outcome = run(proxy_v1, line)
    assert isinstance(outcome, Error)
    assert outcome.position == position


@pytest.mark.parametrize(
    "addresses", [b":::1 ::2", b"::1 ::2::3", b"1.1.1.1 ::1", b"1:2:3 ::1", b"::12345 ::1", b"::1 ::ffff:1.2.3.04"]
)
def test_a_line_whose_addresses_are_none_is_an_error_where_they_begin(addresses: bytes) -> None:
    outcome = run(proxy_v1, b"PROXY TCP6 " + addresses + b" 1 2\r\n")

    assert isinstance(outcome, Error)
    assert (outcome.position, outcome.expected) == (11, frozenset(["IPv6 addresses"]))


HEADERS = st.one_of(
    st.builds(
        over,
        st.just(Family.INET),
        st.builds(Endpoint, st.ip_addresses(v=4).map(str), st.integers(0, 65535)),
        st.builds(Endpoint, st.ip_addresses(v=4).map(str), st.integers(0, 65535)),
    ),
    st.builds(
        over,
        st.just(Family.INET6),
        st.builds(Endpoint, st.ip_addresses(v=6).map(str), st.integers(0, 65535)),
        st.builds(Endpoint, st.ip_addresses(v=6).map(str), st.integers(0, 65535)),
    ),
    st.just(UNKNOWN),
)


@given(HEADERS)
def test_what_is_written_is_read_back(header: ProxyHeader) -> None:
    line = write_v1(header)

    assert len(line) <= LONGEST_LINE
    assert run(proxy_v1, line) == Done(line, header, len(line))


def test_what_has_no_words_in_version_1_is_written_as_unknown() -> None:
    datagrams = ProxyHeader(
        2,
        family=Family.INET,
        transport=Transport.DGRAM,
        source=Endpoint("1.2.3.4", 1),
        destination=Endpoint("1.2.3.4", 2),
    )
    unix = ProxyHeader(
        2, family=Family.UNIX, transport=Transport.STREAM, source=UnixPath(b"a"), destination=UnixPath(b"b")
    )

    assert [write_v1(datagrams), write_v1(unix), write_v1(ProxyHeader(2))] == [b"PROXY UNKNOWN\r\n"] * 3


def test_a_line_that_is_cut_off_for_good_is_an_error() -> None:
    outcome = run(proxy_v1, Complete(b"PROXY TCP4 1.1.1"))

    assert isinstance(outcome, Error)
    assert outcome.position == 16
