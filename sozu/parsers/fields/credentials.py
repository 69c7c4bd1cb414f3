"""Basic credentials (RFC 7617): user and password out of an Authorization value, and back."""

from __future__ import annotations

import binascii
from typing import Final

import msgspec

from sozu.parsers.abnf import ALPHA, DIGIT
from sozu.parsers.combinators import map_, recognize, seq, verify
from sozu.parsers.fuse import fuse
from sozu.parsers.leaves import tag_no_case, take_while, take_while1

BASE64: Final = ALPHA + DIGIT + b"+/"


class Credentials(msgspec.Struct, frozen=True):
    """As sent; RFC 7617 leaves the character set to the two ends, mostly UTF-8. `repr` does not show the password."""

    user: bytes
    password: bytes

    def __repr__(self) -> str:
        return f"Credentials(user={self.user!r}, password=…)"


def decoded(token: bytes) -> Credentials | None:
    """`user ":" password` in base64, or None; control characters are refused (section 2), and so is a second spelling of the same bytes."""
    try:
        text = binascii.a2b_base64(token)
    except binascii.Error:
        return None
    user, colon, password = text.partition(b":")
    is_plain = colon and not any(byte < 0x20 or byte == 0x7F for byte in text)
    return Credentials(user, password) if is_plain and binascii.b2a_base64(text, newline=False) == token else None


# credentials = auth-scheme 1*SP token68                            RFC 9110 section 11.4; the scheme is case-insensitive
# token68     = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="   ; of those base64 has + and /
token68 = recognize(seq(take_while1(BASE64), take_while(b"=")))
BASIC: Final = fuse(map_(tag_no_case(b"Basic") >> take_while1(b" ") >> token68, decoded))
basic = verify(
    BASIC,
    lambda found: found is not None,
    "user:password in base64",
)


def write_basic(credentials: Credentials) -> bytes:
    """The Authorization value; a user name cannot hold a colon."""
    assert b":" not in credentials.user
    return b"Basic " + binascii.b2a_base64(credentials.user + b":" + credentials.password, newline=False)
