"""Names and values in Cookie and Set-Cookie: what sticky sessions and logs need, no cookie jar.

RFC 6265 says two things: what servers should write (4.1) and what everyone takes (5.2). A proxy meets what browsers really send, so this
is the second: a name is all before the first "=", a value all up to ";", blanks around both cut. Nothing is decoded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from sozu.parsers.abnf import FIELD_BYTES, WSP
from sozu.parsers.combinators import many, map_, opt, record, seq
from sozu.parsers.fuse import fuse
from sozu.parsers.leaves import tag, take_while

if TYPE_CHECKING:
    from sozu.parsers.regular import Regular

# Anything but the two delimiters: RFC 6265 4.1.1 would have a name be a token, and browsers send brackets, blanks and bytes above 0x7F. To refuse
# them would take a session from a client for a cookie of somebody else's.
IN_NAME: Final = FIELD_BYTES.translate(None, b"=;")
IN_VALUE: Final = FIELD_BYTES.translate(None, b";")

Pair: TypeAlias = tuple[bytes, bytes]


class SetCookie(msgspec.Struct, frozen=True):
    """One Set-Cookie; attribute names are in lower case, an attribute without "=" has the value b""."""

    name: bytes
    value: bytes
    attributes: dict[bytes, bytes]


def named(name: bytes, value: bytes | None) -> Pair:
    """(name, value): RFC 6265bis 5.6 takes `value` without "=" for a cookie with an empty name."""
    return (b"", name.strip(WSP)) if value is None else (name.strip(WSP), value.strip(WSP))


# A name is all up to "=" or ";", so the first byte behind it tells whether there is a value: that is what lets the grammar fuse.
# cookie-string = cookie-pair *( ";" SP cookie-pair )               RFC 6265 section 4.2.1
pair: Regular[Pair] = record(named, take_while(IN_NAME), opt(tag(b"=") >> take_while(IN_VALUE)))
pairs: Regular[tuple[Pair, list[Pair]]] = seq(pair, many(tag(b";") >> pair))
cookie = fuse(map_(pairs, lambda found: [each for each in (found[0], *found[1]) if each != (b"", b"")]))


def with_attributes(found: tuple[Pair, list[Pair]]) -> SetCookie:
    """Of attributes that come twice the last one counts (RFC 6265 section 5.3)."""
    (name, value), others = found
    attributes = [(key, text) if key else (text, b"") for key, text in others if (key, text) != (b"", b"")]
    return SetCookie(name, value, {key.lower(): text for key, text in attributes})


# set-cookie-string = cookie-pair *( ";" SP cookie-av )             RFC 6265 section 4.1.1
set_cookie = fuse(map_(pairs, with_attributes))
