"""Who asked, by way of whom: Forwarded (RFC 7239) and its elder X-Forwarded-For.

A reverse proxy writes these and believes only those of proxies that it was told to trust; which ones is not decided here.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

import msgspec

from sozu.parsers.abnf import ALPHA, DIGIT, HEXDIG, VCHAR
from sozu.parsers.combinators import alt, many, map_, opt, recognize, seq, verify
from sozu.parsers.fields.lists import comma_list, token, word
from sozu.parsers.leaves import tag, take_while1, take_while_m_n


class Node(msgspec.Struct, frozen=True):
    """One party: an address, `unknown`, or a made-up `_name`; the port may be a made-up one too."""

    name: str
    port: str | None = None


# node          = nodename [ ":" node-port ]                        RFC 7239 section 6
# nodename      = IPv4address / "[" IPv6address "]" / "unknown" / obfnode
# node-port     = 1*5DIGIT / obfport                                ; obfnode, obfport = "_" 1*( ALPHA / DIGIT / "." / "_" / "-" )
NAME: Final = ALPHA + DIGIT + b"._-"
bracketed = tag(b"[") >> take_while1(HEXDIG + b":.") << tag(b"]")
nodename = alt(recognize(bracketed), take_while1(NAME))
node_port = alt(take_while_m_n(1, 5, DIGIT), recognize(seq(tag(b"_"), take_while1(NAME))))
node = verify(
    map_(seq(nodename, opt(tag(b":") >> node_port)), lambda pair: Node(pair[0].decode(), pair[1] and pair[1].decode())),
    lambda found: is_party(found.name),
    "an address, unknown or _name",
)


def is_party(name: str) -> bool:
    """Is it what RFC 7239 lets a node be called?"""
    if name.lower() == "unknown" or (name.startswith("_") and len(name) > 1):
        return True
    try:
        IPv6Address(name[1:-1]) if name.startswith("[") else IPv4Address(name)
    except AddressValueError:
        return False
    return True


# Forwarded         = 1#forwarded-element                           RFC 7239 section 4
# forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )
# forwarded-pair    = token "=" value                               ; value = token / quoted-string
pair = seq(map_(token, bytes.lower) << tag(b"="), word)
element = map_(
    seq(pair, many(tag(b";") >> opt(pair))), lambda found: dict([found[0], *(more for more in found[1] if more)])
)
forwarded = comma_list(element)

# X-Forwarded-For has no RFC: addresses, the client first, each proxy adds the one that it saw. Ports and brackets occur.
ADDRESS: Final = VCHAR.translate(None, b",")
x_forwarded_for = comma_list(take_while1(ADDRESS))
