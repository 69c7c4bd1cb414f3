"""The name that TLS is asked for: what stands in a ClientHello, before any certificate is chosen (RFC 8446 section 4.1.2).

client_hello.py takes the message out of its records; here is the message itself. Read are server name (RFC 6066 section 3), ALPN (RFC 7301),
versions, and whether the hello is the outer one of an encrypted hello (RFC 9849). The handshake's rules are OpenSSL's to enforce: this is
for choosing. But lengths that lie, extensions that come twice and names that are no host names are errors here, so that two readers of
the same bytes cannot disagree about the name. So are lists that no client needs: a hello comes before we know who talks to us.
"""

from __future__ import annotations

from functools import lru_cache
from struct import error as struct_error
from typing import TYPE_CHECKING, Any, Final

import msgspec

from sozu.parsers.abnf import ALPHA, DIGIT
from sozu.parsers.combinators import length_data, length_value, many1, map_, opt, seq, times, verify
from sozu.parsers.fuse import fuse
from sozu.parsers.leaves import be_u8, be_u16, eof, tag, take, take_while1
from sozu.parsers.whole import whole
from sozu.parsers.wire.quick_hello import LONGEST_NAME, Doubt, check_encrypted, quick_parts
from sozu.parsers.wire.quick_hello import protocols as quick_protocols
from sozu.parsers.wire.quick_hello import server_name as quick_server_name
from sozu.parsers.wire.quick_hello import versions as quick_versions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from parsy import Parser

    from sozu.parsers.result import Error

SERVER_NAME: Final = 0
ALPN: Final = 16
SUPPORTED_VERSIONS: Final = 43
ENCRYPTED_CLIENT_HELLO: Final = 0xFE0D
# Bounds of what a stranger may have us work for: 16 KB hold 4,096 empty extensions or 8,000 names of protocols, and each would cost a call of the
# grammar.
MOST_EXTENSIONS: Final = 64  # browsers send fewer than 20
MOST_PROTOCOLS: Final = 32


class ClientHello(msgspec.Struct, frozen=True):
    """`server_name` as written, None when absent. Numbers are as sent, GREASE left out (RFC 8701); so are protocols of GREASE.

    `versions` are those of supported_versions, else the legacy version. With `encrypted` the name is the public one of RFC 9849.
    """

    server_name: str | None
    alpn: tuple[bytes, ...]
    versions: tuple[int, ...]
    cipher_suites: tuple[int, ...]
    extensions: tuple[int, ...]
    session_id: bytes = b""
    encrypted: bool = False


def is_grease(number: int) -> bool:
    """0x0A0A, 0x1A1A … 0xFAFA: sent to keep receivers used to the unknown (RFC 8701 section 2)."""
    return number >> 8 == number & 0xFF and number & 0x0F == 0x0A


# Bounded: whoever sends another list each time turns out the others and gets no more memory than 256 lists have.
@lru_cache(256)
def known(sent: tuple[int, ...]) -> tuple[int, ...]:
    """The numbers that mean something. There are few kinds of clients."""
    return tuple(number for number in sent if not is_grease(number))


u8, u16 = fuse(be_u8), fuse(be_u16)
numbers = fuse(many1(be_u16))


def filled(parser: Parser) -> Parser:
    """The parser, and nothing behind it: vectors hold whole items."""
    return parser << eof


# --- Extensions: RFC 8446 section 4.2 ---------------------------------------------------------------------------------
# struct { NameType name_type; opaque HostName<1..2^16-1>; } ServerName;      struct { ServerName server_name_list<1..2^16-1> };
# opaque ProtocolName<1..2^8-1>;                                              struct { ProtocolName protocol_name_list<2..2^16-1> };
# struct { ProtocolVersion versions<2..254>; } SupportedVersions;
# enum { outer(0), inner(1) } ECHClientHelloType;                             -- RFC 9849 section 5
#
# "HostName" is "represented as a byte string using ASCII encoding without a trailing dot"; "_" is not a host's, but in use. No name is longer than
# 255 bytes (RFC 1035 section 2.3.4): what is asked for is logged and remembered, and comes from anybody.

name_octets = verify(take_while1(ALPHA + DIGIT + b"-._").desc("host name"), lambda name: len(name) <= LONGEST_NAME, "255 bytes at most")
# name_type host_name (0) is the only one that was ever defined, and RFC 6066 3 allows one name of a type: so one name and nothing behind it. Two
# readers of a list of two could take a different one each, and choose a certificate that the other does not.
host_name = map_(tag(b"\0") >> length_value(u16, filled(name_octets)), lambda name: name.decode("ascii"))
server_name = length_value(u16, filled(host_name))
# RFC 7301 3.1: "Empty strings MUST NOT be included", hence `bool`.
alpn = length_value(u16, filled(times(verify(length_data(u8), bool, "protocol name"), 1, MOST_PROTOCOLS)))
supported_versions = length_value(u8, filled(numbers))
# Type 0 is the outer hello. An inner one (1) is empty and only ever comes encrypted: seen here it is nonsense, and so an error.
encrypted_client_hello = tag(b"\0") >> seq(u16, u16, u8, length_data(u16), length_data(u16))
# All others stay bytes: a parser for an extension that nobody chooses by would only be one more thing that can refuse a client.
understood: Final[Mapping[int, Parser]] = {
    SERVER_NAME: server_name,
    ALPN: alpn,
    SUPPORTED_VERSIONS: supported_versions,
    ENCRYPTED_CLIENT_HELLO: encrypted_client_hello,
}


def contents(kind: int) -> Parser:
    """The extension's number, and its data: understood or as bytes."""
    data = length_value(u16, filled(understood[kind])) if kind in understood else length_data(u16)
    return map_(data, lambda found: (kind, found))


def each_once(pairs: list[tuple[int, Any]]) -> bool:
    """RFC 8446 4.2: "There MUST NOT be more than one extension of the same type in a given extension block"."""
    return len({kind for kind, _ in pairs}) == len(pairs)


extension = u16.bind(contents)
extensions = length_value(u16, verify(filled(times(extension, 0, MOST_EXTENSIONS)), each_once, "each extension once"))

# --- The message: RFC 8446 section 4.1.2 ------------------------------------------------------------------------------
# struct {
#     ProtocolVersion legacy_version;          Random random;                              /* 32 bytes */
#     opaque legacy_session_id<0..32>;         CipherSuite cipher_suites<2..2^16-2>;
#     opaque legacy_compression_methods<1..2^8-1>;
#     Extension extensions<8..2^16-1>;                                                     /* absent before TLS 1.3, maybe */
# } ClientHello;

# Also those of TLS 1.3, which fill it only to look like 1.2 to boxes on the way (RFC 8446 appendix D.4).
session_id = verify(length_data(u8), lambda found: len(found) <= 32, "32 bytes at most")
cipher_suites = length_value(u16, filled(numbers))
compression_methods = verify(length_data(u8), bool, "compression method")
# `opt(extensions)`: a hello of TLS 1.2 may end without the block, length and all (RFC 5246 7.4.1.2). `eof`: what stood behind it another reader could
# take for one more extension.
message = seq(u16 << take(32), session_id, cipher_suites << compression_methods, opt(extensions) << eof)


def hello_of(parts: tuple[int, bytes, Sequence[int], list[tuple[int, Any]] | None]) -> ClientHello:
    """The facts out of the parts."""
    legacy_version, session, suites, pairs = parts
    found = dict(pairs or [])
    name = found.get(SERVER_NAME)
    return ClientHello(
        server_name=name,
        alpn=tuple(protocol for protocol in found.get(ALPN, ()) if not is_grease_name(protocol)),
        # RFC 8446 4.2.1: where supported_versions is there, legacy_version is not to be asked. Clients of 1.3 say 1.2 in it.
        versions=known(tuple(found.get(SUPPORTED_VERSIONS, (legacy_version,)))),
        cipher_suites=known(tuple(suites)),
        extensions=known(tuple(found)),
        session_id=session,
        encrypted=ENCRYPTED_CLIENT_HELLO in found,
    )


def is_grease_name(protocol: bytes) -> bool:
    """GREASE among ALPN names: two bytes of the same pattern."""
    return len(protocol) == 2 and is_grease(int.from_bytes(protocol, "big"))


def parse_message(body: bytes) -> ClientHello | Error:
    """The hello out of a handshake message's body; the Error's position counts from the beginning of the body."""
    # The quick reading never says no: its None is a doubt, and what is refused is decided by the grammar alone.
    quick = quick_hello(body)
    return careful_hello(body) if quick is None else quick


def quick_hello(body: bytes) -> ClientHello | None:
    """The same, if nothing in it is unusual (quick_hello.py)."""
    parts = quick_parts(body)
    if parts is None:
        return None
    version, session, suites, raw = parts
    try:
        pairs = None if raw is None else [(kind, QUICKLY[kind](data) if kind in QUICKLY else data) for kind, data in raw.items()]
    except (Doubt, IndexError, struct_error):
        return None
    return hello_of((version, session, suites, pairs))


QUICKLY: Final[Mapping[int, Callable[[bytes], Any]]] = {
    SERVER_NAME: quick_server_name,
    ALPN: quick_protocols,
    SUPPORTED_VERSIONS: quick_versions,
    ENCRYPTED_CLIENT_HELLO: check_encrypted,
}


def careful_hello(body: bytes) -> ClientHello | Error:
    """The same by the grammar."""
    found: ClientHello | Error = whole(map_(message, hello_of), body)
    return found
