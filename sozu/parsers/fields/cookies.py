"""Names and values in Cookie and Set-Cookie: what sticky sessions and logs need, no cookie jar.

RFC 6265 says two things: what servers should write (4.1) and what everyone takes (5.2). A proxy meets what browsers really send, so this
is the second: a name is all before the first "=", a value all up to ";", blanks around both cut. Nothing is decoded.
"""

from __future__ import annotations

from typing import Final

import msgspec

from sozu.parsers.abnf import FIELD_BYTES
from sozu.parsers.combinators import many, map_, opt, seq
from sozu.parsers.leaves import tag, take_while

IN_NAME: Final = FIELD_BYTES.translate(None, b"=;")
IN_VALUE: Final = FIELD_BYTES.translate(None, b";")


class SetCookie(msgspec.Struct, frozen=True):
    """One Set-Cookie; attribute names are in lower case, an attribute without "=" has the value b""."""

    name: bytes
    value: bytes
    attributes: dict[bytes, bytes]


def named(parts: tuple[bytes, bytes | None]) -> tuple[bytes, bytes]:
    """(name, value): RFC 6265bis 5.6 takes `value` without "=" for a cookie with an empty name."""
    name, value = parts[0].strip(b" \t"), parts[1]
    return (b"", name) if value is None else (name, value.strip(b" \t"))


# cookie-string = cookie-pair *( ";" SP cookie-pair )               RFC 6265 section 4.2.1
pair = map_(seq(take_while(IN_NAME), opt(tag(b"=") >> take_while(IN_VALUE))), named)
cookie = map_(
    seq(pair, many(tag(b";") >> pair)), lambda parts: [found for found in (parts[0], *parts[1]) if found != (b"", b"")]
)


def with_attributes(parts: tuple[tuple[bytes, bytes], list[tuple[bytes, bytes]]]) -> SetCookie:
    """Of attributes that come twice the last one counts (RFC 6265 section 5.3)."""
    found = [pair if pair[0] else (pair[1], b"") for pair in parts[1] if pair != (b"", b"")]
    return SetCookie(*parts[0], {name.lower(): value for name, value in found})


# set-cookie-string = cookie-pair *( ";" SP cookie-av )             RFC 6265 section 4.1.1
set_cookie = map_(seq(pair, many(tag(b";") >> pair)), with_attributes)
