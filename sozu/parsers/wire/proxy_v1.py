r"""PROXY protocol, version 1: one line of text before everything else (proxy-protocol.txt, section 2.1).

    PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n

The grammar is as strict as the text: single spaces, no leading zeros, at most 107 bytes. It says all but what an IPv6 address is.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv6Address
from typing import TYPE_CHECKING, Final

from parsy import Parser, Result

from sozu.parsers.abnf import HEXDIG
from sozu.parsers.choices import decimal
from sozu.parsers.combinators import alt, map_, opt, recognize, seq, value
from sozu.parsers.fuse import fuse
from sozu.parsers.leaves import tag, take_while_m_n
from sozu.parsers.tree import EVERY_BYTE
from sozu.parsers.wire.proxy_header import Endpoint, Family, ProxyHeader, Transport

if TYPE_CHECKING:
    from sozu.parsers.result import Bytes

# Section 2.1: the worst line is UNKNOWN with two addresses of 39 and two ports of 5 characters, 107 bytes with its CRLF. A reader that knows this
# bound needs no buffer beyond it.
LONGEST_LINE: Final = 107
UNKNOWN: Final = ProxyHeader(1)

# The specification has no ABNF; this is its text as such:
#
# line    = "PROXY" SP ( tcp4 / tcp6 / unknown ) CRLF
# tcp4    = "TCP4" SP ipv4 SP ipv4 SP port SP port                  ; source, destination; again source, destination
# tcp6    = "TCP6" SP ipv6 SP ipv6 SP port SP port
# unknown = "UNKNOWN" [ SP *any ]                                   ; "must ignore anything presented before the CRLF"
# ipv4    = octet 3( "." octet )                                    ; octet 0 to 255, port 0 to 65535:
#                                                                   ; "heading zeroes are not permitted"
sp, dot, crlf = tag(b" "), tag(b"."), tag(b"\r\n")
# Numbers in range by grammar, without leading zeros: `010` is 8 for inet_aton, 10 for others, so two readers would name two different clients.
octet = decimal(255)
port = decimal(65535)
ipv4 = recognize(seq(octet << dot, octet << dot, octet << dot, octet))
# HAProxy writes IPv4-mapped addresses as ::ffff:192.0.2.1, hence the dot and the 45 bytes.
ipv6 = take_while_m_n(2, 45, HEXDIG + b":.").desc("IPv6 address")
ignored = take_while_m_n(0, LONGEST_LINE - len(b"PROXY UNKNOWN \r\n"), EVERY_BYTE - frozenset(b"\r\n"))


def over(family: Family, source: bytes, destination: bytes, source_port: int, destination_port: int) -> ProxyHeader:
    """A TCP connection."""
    ends = Endpoint(source.decode("ascii"), source_port), Endpoint(destination.decode("ascii"), destination_port)
    return ProxyHeader(1, family=family, transport=Transport.STREAM, source=ends[0], destination=ends[1])


# "TCP" is read before they part: two branches that begin alike could not be fused, since the first byte would not tell which to take.
tcp4 = tag(b"4 ") >> map_(seq(ipv4 << sp, ipv4 << sp, port << sp, port), lambda parts: over(Family.INET, *parts))
tcp6 = tag(b"6 ") >> map_(seq(ipv6 << sp, ipv6 << sp, port << sp, port), lambda parts: over(Family.INET6, *parts))
unknown = value(UNKNOWN, seq(tag(b"UNKNOWN"), opt(sp >> ignored)))
line = tag(b"PROXY ") >> alt(tag(b"TCP") >> alt(tcp4, tcp6), unknown) << crlf
LINE: Final = fuse(line)


def normal(header: ProxyHeader) -> ProxyHeader | None:
    """The header with IPv6 addresses in their shortest spelling, or None if they are none."""
    if header.family is not Family.INET6:
        return header
    assert isinstance(header.source, Endpoint)
    assert isinstance(header.destination, Endpoint)
    # Which runs of hex digits, colons and dots are an address is more than a regular grammar can say (one `::`, eight groups), so `ipaddress` says
    # it.
    try:
        ends = tuple(
            Endpoint(IPv6Address(end.host).compressed, end.port) for end in (header.source, header.destination)
        )
    except AddressValueError:
        return None
    return ProxyHeader(1, family=Family.INET6, transport=Transport.STREAM, source=ends[0], destination=ends[1])


def read_normal(data: Bytes, at: int) -> Result:
    """The line with its addresses normal; one that is no address is reported where the two addresses begin."""
    result = LINE(data, at)
    if not result.status:
        return result
    header = normal(result.value)
    # The place is that of both: by now nobody knows which of them was none.
    return (
        Result.failure(at + len(b"PROXY TCP6 "), "IPv6 addresses")
        if header is None
        else Result.success(result.index, header)
    )


proxy_v1 = Parser(read_normal)


def write_v1(header: ProxyHeader) -> bytes:
    """The line; what version 1 has no words for is UNKNOWN."""
    source, destination = header.source, header.destination
    named = isinstance(source, Endpoint) and isinstance(destination, Endpoint) and header.transport is Transport.STREAM
    # Unix sockets and datagrams have no words here. UNKNOWN lets the receiver go by the connection's own addresses; a made-up address would be
    # believed.
    if not named or header.family not in WORDS:
        return b"PROXY UNKNOWN\r\n"
    assert isinstance(source, Endpoint)
    assert isinstance(destination, Endpoint)
    hosts = b"%b %b" % (source.host.encode("ascii"), destination.host.encode("ascii"))
    return b"PROXY %b %b %d %d\r\n" % (WORDS[header.family], hosts, source.port, destination.port)


WORDS: Final = {Family.INET: b"TCP4", Family.INET6: b"TCP6"}
