"""What the PROXY protocol tells, whichever version told it: who connected to whom, before the proxies in between.

The protocol is HAProxy's proxy-protocol.txt. proxy_v1.py and proxy_v2.py read and write; here are only the facts.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import TypeAlias

import msgspec


class Command(StrEnum):
    """LOCAL: the proxy itself connected, a health check say; its own addresses count, not those in the header."""

    LOCAL = "LOCAL"
    PROXY = "PROXY"


class Family(StrEnum):
    """Address families, in the order of their numbers in version 2."""

    # A name's place in these two is its number on the wire, four bits each: proxy_v2.py makes its table of them by counting.
    UNSPEC = "UNSPEC"
    INET = "INET"
    INET6 = "INET6"
    UNIX = "UNIX"


class Transport(StrEnum):
    """Kinds of socket, in the order of their numbers in version 2."""

    UNSPEC = "UNSPEC"
    STREAM = "STREAM"
    DGRAM = "DGRAM"


class TlvKind(IntEnum):
    """The types of TLV that have a meaning (sections 2.2.1 to 2.2.8); 0xE0 to 0xEF are for private use."""

    ALPN = 0x01
    AUTHORITY = 0x02
    CRC32C = 0x03
    NOOP = 0x04
    UNIQUE_ID = 0x05
    TLS = 0x20
    NETNS = 0x30


class Endpoint(msgspec.Struct, frozen=True):
    """`host` is an IP address in its shortest spelling, IPv6 without brackets."""

    host: str
    port: int


class UnixPath(msgspec.Struct, frozen=True):
    """A path of up to 108 bytes, without the NULs that fill it up; an abstract name begins with NUL."""

    path: bytes


Party: TypeAlias = Endpoint | UnixPath | None


class Tlv(msgspec.Struct, frozen=True):
    """One type-length-value of version 2; types without a name are kept as well."""

    # A number and not a TlvKind: a type that nobody here knows must not make a header unreadable.
    kind: int
    value: bytes


class ProxyHeader(msgspec.Struct, frozen=True):
    """`source` and `destination` are None for LOCAL and for what the sender could not or would not name."""

    version: int
    command: Command = Command.PROXY
    family: Family = Family.UNSPEC
    transport: Transport = Transport.UNSPEC
    source: Party = None
    destination: Party = None
    tlvs: tuple[Tlv, ...] = ()

    def tlv(self, kind: int) -> bytes | None:
        """The value of the first TLV of that type."""
        # A sender may repeat a type, and nothing says what that means. The checksum is looked for in the same way, so that both mean the same one.
        return next((tlv.value for tlv in self.tlvs if tlv.kind == kind), None)
