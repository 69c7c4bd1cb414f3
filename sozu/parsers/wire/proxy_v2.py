r"""PROXY protocol, version 2: a binary header before everything else (proxy-protocol.txt, section 2.2).

     0                              12      13      14       16
    +------------------------------+-------+-------+--------+-------------------+-----------+
    | \r\n\r\n\0\r\nQUIT\n         | v | c | f | t | length | the two addresses | TLVs …    |
    +------------------------------+-------+-------+--------+-------------------+-----------+
    v version 2, c command, f family, t transport: four bits each; length counts what follows it, big-endian like everything

A receiver knows after 16 bytes how many are missing, and says so (`needed` is exact). A CRC-32C, if sent, must be right.
"""

from __future__ import annotations

from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import dropwhile
from typing import TYPE_CHECKING, Any, Final

from parsy import Parser, Result, success

from sozu.parsers.combinators import alt, length_data, length_value, map_, record, seq, times, value
from sozu.parsers.fuse import fuse
from sozu.parsers.leaves import be_u8, be_u16, be_u32, eof, one_of, tag, take
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

if TYPE_CHECKING:
    from sozu.parsers.result import Bytes

# No HTTP request begins so: two empty lines, then a NUL. A server that does not expect the header refuses it at once and takes nothing of it for a
# request.
SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
FAMILIES: Final = tuple(Family)
TRANSPORTS: Final = tuple(Transport)
LONGEST_PATH: Final = 108
MOST_TLVS: Final = 64  # senders have a handful; 21,000 would fit, and take a third of a second

# Unassigned commands, families and transports "must be rejected as invalid by receivers".
# The version is checked with the command in one byte: 0x2 and one of two, and a third command is an error at byte 12 before any length is believed.
command = alt(value(Command.LOCAL, tag(b"\x20")), value(Command.PROXY, tag(b"\x21"))).desc("version 2, LOCAL or PROXY")
# All twelve pairs, also those that mean nothing together (UNSPEC over STREAM): each half is assigned, so none may be refused; `contents` passes over
# what names no address.
PROTOCOLS: Final = {
    bytes([number << 4 | kind]): (family, transport)
    for number, family in enumerate(FAMILIES)
    for kind, transport in enumerate(TRANSPORTS)
}
protocol = map_(one_of(b"".join(PROTOCOLS)), PROTOCOLS.__getitem__).desc("family and transport")
START: Final = fuse(tag(SIGNATURE) >> seq(command, protocol))

Ends = tuple[Party, Party]


def inet(source: bytes, destination: bytes, source_port: int, destination_port: int) -> Ends:
    """Both ends by IPv4."""
    return Endpoint(str(IPv4Address(source)), source_port), Endpoint(str(IPv4Address(destination)), destination_port)


def inet6(source: bytes, destination: bytes, source_port: int, destination_port: int) -> Ends:
    """Both ends by IPv6."""
    return Endpoint(spelled(source), source_port), Endpoint(spelled(destination), destination_port)


def spelled(packed: bytes) -> str:
    """Sixteen bytes as text."""
    return IPv6Address(packed).compressed


def unix(source: bytes, destination: bytes) -> Ends:
    """Both ends by path."""
    # sun_path has 108 bytes, and a shorter path is filled up with NULs. From the right alone: an abstract name begins with one.
    return UnixPath(source.rstrip(b"\0")), UnixPath(destination.rstrip(b"\0"))


ADDRESSES: Final = {
    Family.INET: fuse(record(inet, take(4), take(4), be_u16, be_u16)),
    Family.INET6: fuse(record(inet6, take(16), take(16), be_u16, be_u16)),
    Family.UNIX: fuse(record(unix, take(LONGEST_PATH), take(LONGEST_PATH))),
}
tlv = map_(seq(be_u8, length_data(be_u16)), lambda parts: Tlv(*parts))
# `eof`: bytes that make no whole TLV are an error. Left out, they could hide one that another reader finds.
tlvs = map_(times(tlv, 0, MOST_TLVS), tuple) << eof


def contents(kind: Command, family: Family, transport: Transport) -> Parser:
    """What the length counts. Of LOCAL and of the unspecified "the receiver must skip the appropriate number of bytes"."""
    # `success` takes nothing, and `length_value` skips what is left inside of the length: addresses and TLVs that come with LOCAL are passed over
    # unread, as they may be anything.
    if kind is Command.LOCAL or Family.UNSPEC is family or Transport.UNSPEC is transport:
        return success(ProxyHeader(2, kind, family, transport))

    def named(parts: tuple[Ends, tuple[Tlv, ...]]) -> ProxyHeader:
        (source, destination), found = parts
        return ProxyHeader(2, kind, family, transport, source, destination, found)

    return map_(seq(ADDRESSES[family], tlvs), named)


# Only behind 16 bytes is known which grammar reads the rest. `bind` leaves the parts fused; nothing is decided by the caller.
header = START.bind(lambda start: length_value(be_u16, contents(start[0], *start[1])))


def read_checked(data: Bytes, at: int) -> Result:
    """The header; its CRC-32C, where there is one, must be that of the header with zeros in the checksum's place."""
    result = header(data, at)
    if not result.status or result.value.tlv(TlvKind.CRC32C) is None:
        return result
    place = checksum_place(result.value.tlvs, result.index)
    # Section 2.2.4: the sum is over all of the header, its own field counted as zeros. Data behind the header is no part of it.
    whole = bytes(data[at:place]) + bytes(4) + bytes(data[place + 4 : result.index])
    is_right = result.value.tlv(TlvKind.CRC32C) == crc32c(whole).to_bytes(4, "big")
    return result if is_right else Result.failure(place, "the CRC-32C of this header")


proxy_v2 = Parser(read_checked)


def checksum_place(all_tlvs: tuple[Tlv, ...], end: int) -> int:
    """Where the checksum's four bytes are, in a header that ends at `end`."""
    # Reckoned from the end: what stands before the TLVs has a size that depends on the family, what stands behind the checksum is known.
    from_checksum_on = dropwhile(lambda each: each.kind != TlvKind.CRC32C, all_tlvs)
    return end - sum(3 + len(each.value) for each in from_checksum_on) + 3


def crc32c(text: bytes) -> int:
    """CRC-32C (RFC 9260 appendix A)."""
    table = crc_table()
    # A table and a loop, as Python's own crc32 has another polynomial: 0.15 ms for a kilobyte, once for a connection whose header has a checksum,
    # and that is seldom.
    state = 0xFFFFFFFF
    for byte in text:
        state = table[(state ^ byte) & 0xFF] ^ state >> 8
    return state ^ 0xFFFFFFFF


@cache
def crc_table() -> tuple[int, ...]:
    """Of the reflected Castagnoli polynomial; made when first asked for, most headers have no checksum."""
    table = []
    for state in range(256):
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)  # noqa: PLW2901 - eight steps of a shift register
        table.append(state)
    return tuple(table)


# --- The TLV about TLS: section 2.2.6 ---------------------------------------------------------------------------------
# client (one byte of flags), verify (four bytes, 0: the client's certificate was good), then TLVs of types 0x21 to 0x25


def read_tls(parts: tuple[int, int, tuple[Tlv, ...]]) -> dict[str, Any]:
    """Flags by their names, and the text of each TLV inside."""
    flags, verified, inside = parts
    # PP2_SUBTYPE_SSL_VERSION, _CN, _CIPHER, _SIG_ALG and _KEY_ALG. Of the flags 0x02 says that there was a certificate in this connection, 0x04 in
    # the session that it resumes: 6 asks for either.
    names = {0x21: "version", 0x22: "common_name", 0x23: "cipher", 0x24: "signature", 0x25: "key"}
    texts = {names[each.kind]: each.value.decode("utf-8", "replace") for each in inside if each.kind in names}
    return {"tls": bool(flags & 1), "certificate": bool(flags & 6), "verified": verified == 0, **texts}


tls_facts = map_(seq(be_u8, be_u32, tlvs), read_tls)


# --- Writing ----------------------------------------------------------------------------------------------------------


def write_v2(header: ProxyHeader, *, checksum: bool = False) -> bytes:
    """The header; with `checksum` a CRC-32C is added as its last TLV. Raises OverflowError above 65,535 bytes."""
    # Last, so that `with_checksum` finds its four bytes without counting; readers take it anywhere.
    added = (Tlv(TlvKind.CRC32C, bytes(4)),) if checksum else ()
    body = packed(header.source) + packed(header.destination)
    if isinstance(header.source, Endpoint) and isinstance(header.destination, Endpoint):
        body += header.source.port.to_bytes(2, "big") + header.destination.port.to_bytes(2, "big")
    body += b"".join(bytes([each.kind]) + sized(each.value) for each in header.tlvs + added)
    return with_checksum(start_of(header) + sized(body)) if checksum else start_of(header) + sized(body)


def start_of(header: ProxyHeader) -> bytes:
    """Signature, command and protocol."""
    protocol = FAMILIES.index(header.family) << 4 | TRANSPORTS.index(header.transport)
    return SIGNATURE + (b"\x20" if header.command is Command.LOCAL else b"\x21") + bytes([protocol])


def packed(party: Party) -> bytes:
    """An address without its port."""
    match party:
        case Endpoint(host):
            return ip_address(host).packed
        case UnixPath(path):
            return path.ljust(LONGEST_PATH, b"\0")
        case _:
            return b""


def sized(text: bytes) -> bytes:
    """The text after its length."""
    return len(text).to_bytes(2, "big") + text


def with_checksum(whole: bytes) -> bytes:
    """The last four bytes replaced by the checksum."""
    return whole[:-4] + crc32c(whole).to_bytes(4, "big")
