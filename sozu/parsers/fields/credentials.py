"""Basic credentials (RFC 7617): user and password out of an Authorization value, and back."""

from __future__ import annotations

import binascii
from typing import Final

import msgspec

from sozu.parsers.abnf import ALPHA, DIGIT
from sozu.parsers.combinators import map_, recognize, seq
from sozu.parsers.fields.sound import Sound
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
    """`user ":" password` out of base64; None where it is not, which `fault` then tells."""
    try:
        user, _, password = binascii.a2b_base64(token).partition(b":")
    except binascii.Error:
        return None
    return Credentials(user, password)


# credentials = auth-scheme 1*SP token68                            RFC 9110 section 11.4; the scheme is case-insensitive
# token68     = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="   ; of those base64 has + and /
# Of token68 only the bytes of base64: with "-" or "_" (base64url) it can be no Basic credentials, and the first such byte is the error.
token68 = recognize(seq(take_while1(BASE64), take_while(b"=")))
scheme = seq(tag_no_case(b"Basic"), take_while1(b" "))
BASIC: Final = fuse(map_(scheme >> token68, decoded))


def fault(text: bytes, ended: bool) -> int | None:  # noqa: FBT001 - so `Sound` calls it
    """Where a token that is right for the grammar stops being user:password in base64 (RFC 4648 section 4, RFC 7617 section 2)."""
    # The grammar has read scheme and blanks; where they stop is worked out anew, since the rule sees bytes and no parts.
    token = text[len(b"Basic") :].lstrip(b" ")
    begin = len(text) - len(token)
    digits = token.rstrip(b"=")
    wrong = control(digits)
    if wrong is None and (ended or len(token) > len(digits)):
        wrong = wrong_end(digits, len(token) - len(digits), ended=ended)
    return None if wrong is None else begin + wrong


def control(digits: bytes) -> int | None:
    """The digit with which a byte is certain to be a control character: the third bit settles it for 0 to 31, the last one for 127."""
    text = binascii.a2b_base64(
        digits + b"/" * (-len(digits) % 4)
    )  # bits that are not there yet are ones, and so tell nothing
    for number, byte in enumerate(text):
        if byte < 0x20:
            # Four bits of zeros need not begin a byte: behind them may be "==". Then it is the next digit that ends the hope.
            may_end = number % 3 == 1 and byte < 0x10 and b":" in text[:number]
            return below((8 * number + 2) // 6 + may_end, len(digits))
        if byte == 0x7F:
            return below((8 * number + 7) // 6, len(digits))
    return None


def below(place: int, size: int) -> int | None:
    """The place, if it is there already."""
    return place if place < size else None


def wrong_end(digits: bytes, padding: int, *, ended: bool) -> int | None:
    """The same for what is known with the first "=" or the end: the text has a colon, its last bits are none, and "=" fill it up to four."""
    wanted = -len(digits) % 4
    text = binascii.a2b_base64(digits + b"=" * wanted) if wanted < 3 else b""
    # Written anew and compared: `YTo=` and `YTp=` decode to the same `a:`, as spare bits of the last digit count for nothing. So one password would
    # have several spellings, of which a cache or a rule knows one (RFC 4648 3.5).
    if b":" not in text or binascii.b2a_base64(text, newline=False).rstrip(b"=") != digits:
        return len(digits)
    if padding > wanted:
        return len(digits) + wanted
    return len(digits) + padding if ended and padding < wanted else None


basic = Sound(BASIC, fault, "user:password in base64")


def write_basic(credentials: Credentials) -> bytes:
    """The Authorization value; a user name cannot hold a colon."""
    # RFC 7617 2: the reader takes the first colon for the end of the name, so this user would come out as another one with another password.
    assert b":" not in credentials.user
    return b"Basic " + binascii.b2a_base64(credentials.user + b":" + credentials.password, newline=False)
