"""Who asked, by way of whom: Forwarded (RFC 7239) and its elder X-Forwarded-For.

A reverse proxy writes these and believes only those of proxies that it was told to trust; which ones is not decided here.

    forwarded        [{b"for": b"192.0.2.1", b"proto": b"https"}, …]         names in lower case, values without their quotes
    node             Node("[2001:db8::1]", "4711")                           the value of a `for` or `by`
    x_forwarded_for  [b"192.0.2.1", …]                                       as written: there is no RFC, ports and brackets occur
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Final

import msgspec

from sozu.parsers.abnf import ALPHA, DIGIT, HEXDIG, TCHAR, VCHAR
from sozu.parsers.combinators import alt, many, map_, opt, recognize, record, seq, verify
from sozu.parsers.fields.lists import closed, comma_list, lower_token, quoted_raw, token, word
from sozu.parsers.fields.sound import Sound
from sozu.parsers.fuse import fuse
from sozu.parsers.leaves import tag, take_while, take_while1, take_while_m_n
from sozu.parsers.result import Complete, Done

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sozu.parsers.regular import Regular


class Node(msgspec.Struct, frozen=True):
    """One party: an address, `unknown`, or a made-up `_name`; the port may be a made-up one too."""

    name: str
    port: str | None = None


# node          = nodename [ ":" node-port ]                        RFC 7239 section 6
# nodename      = IPv4address / "[" IPv6address "]" / "unknown" / obfnode
# node-port     = 1*5DIGIT / obfport                                ; obfnode, obfport = "_" 1*( ALPHA / DIGIT / "." / "_" / "-" )
NAME: Final = ALPHA + DIGIT + b"._-"
bracketed = seq(tag(b"["), take_while1(HEXDIG + b":."), tag(b"]"))
# Wider than the RFC, one run of a class: it finds where the name ends. Whether that is an address, `unknown` or made up, `is_party` says afterwards.
nodename: Regular[bytes] = alt(recognize(bracketed), take_while1(NAME))
node_port: Regular[bytes] = alt(take_while_m_n(1, 5, DIGIT), recognize(seq(tag(b"_"), take_while1(NAME))))


def node_of(name: bytes, port: bytes | None) -> Node:
    """The parts as text."""
    return Node(name.decode("ascii"), None if port is None else port.decode("ascii"))


NODE: Final = fuse(record(node_of, nodename, opt(tag(b":") >> node_port)))
node = verify(NODE, lambda found: is_party(found.name), "an address, unknown or _name")


def is_party(name: str) -> bool:
    """Is it what RFC 7239 lets a node be called?"""
    if name.lower() == "unknown" or (name.startswith("_") and len(name) > 1):
        return True
    try:
        # `ipaddress` is asked because it refuses leading zeros, which some read as octal numbers: a log and a rule would name two clients.
        IPv6Address(name[1:-1]) if name.startswith("[") else IPv4Address(name)
    except AddressValueError:
        return False
    return True


# Forwarded         = 1#forwarded-element                           RFC 7239 section 4
# forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )
# forwarded-pair    = token "=" value                               ; value = token / quoted-string
# "Each parameter MUST NOT occur more than once per" element; names are case-insensitive.
pair: Regular[tuple[bytes, bytes]] = seq(lower_token << tag(b"="), word)
further: Regular[list[tuple[bytes, bytes] | None]] = many(tag(b";") >> opt(pair))
first: Regular[tuple[bytes, bytes] | None] = alt(pair, map_(tag(b";") >> opt(pair), lambda found: found or ()))


def pairs_of(begin: tuple[bytes, bytes] | tuple[()], others: list[tuple[bytes, bytes] | None]) -> dict[bytes, bytes]:
    """The pairs that are there."""
    return dict(found for found in (begin, *others) if found)


elements: Regular[list[dict[bytes, bytes]]] = comma_list(closed(record(pairs_of, first, further)))
FORWARDED: Final = fuse(map_(elements, lambda found: [pairs for pairs in found if pairs]))

# The same text as names, values with their "=", and what stands between; and a last pair, with nothing behind it. A pair
# counts when its value has begun, or its quotes are closed: before that, what follows might show that it is none.
SEPARATORS: Final = b",; \t"
value = recognize(seq(tag(b"="), alt(quoted_raw, token)))
NAMES: Final = fuse(seq(take_while(SEPARATORS), many(seq(token, value, take_while1(SEPARATORS)))))
LAST: Final = fuse(seq(token, value))


def fault(text: bytes, _ended: bool) -> int | None:  # noqa: FBT001 - so `Sound` calls it
    """Where a name is known to come twice in an element: it would mean one thing here and another there."""
    data = Complete(text)
    names = NAMES.fused(data)
    assert isinstance(names, Done)
    begin, pairs = names.value
    last = LAST.fused(data, names.end)
    at, seen = len(begin), set[bytes]()
    for name, equals, separators in [*pairs, (*last.value, b"")] if isinstance(last, Done) else pairs:
        if name.lower() in seen:
            return int(at + len(name))
        # RFC 7239 4: names are case-insensitive, so `For` beside `for` is the same parameter twice.
        seen.add(name.lower())
        at += len(name) + len(equals) + len(separators)
        if b"," in separators:
            seen.clear()
    return None


forwarded = Sound(FORWARDED, fault, "each parameter once in an element")


def write_forwarded(elements: Iterable[Mapping[bytes, bytes]]) -> bytes:
    """The field value. Names are tokens, values may hold anything but control characters."""
    return b", ".join(b";".join(name + b"=" + written(value) for name, value in each.items()) for each in elements)


def written(value: bytes) -> bytes:
    """A token as it is, anything else in quotes."""
    if value and not value.translate(None, TCHAR):
        return value
    # The backslash first, or those that escape the quotes would be escaped again.
    return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


# There is no grammar to hold it to. All visible bytes but the comma are taken, for what old proxies write must not hide who stands before them.
ADDRESS: Final = VCHAR.translate(None, b",")
x_forwarded_for = fuse(comma_list(closed(take_while1(ADDRESS))))
