"""traceparent: the place of a request in a distributed trace (W3C Trace Context, section 3.2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from sozu.parsers.abnf import VCHAR
from sozu.parsers.combinators import map_, opt, record
from sozu.parsers.fields.sound import Sound
from sozu.parsers.fuse import fuse
from sozu.parsers.leaves import tag, take_while, take_while_m_n

if TYPE_CHECKING:
    from sozu.parsers.regular import Regular

# Section 3.2.2: lower case only. Upper case would be a second spelling of one trace, which tools compare byte by byte.
LOWER_HEX: Final = b"0123456789abcdef"
SAMPLED: Final = 1


class TraceParent(msgspec.Struct, frozen=True):
    """Identifiers as lower-case hexadecimal digits; `flags` bit 0 is "sampled"; `later` is what a version above 00 adds."""

    version: bytes
    trace_id: bytes
    parent_id: bytes
    flags: int
    later: bytes | None = None

    @property
    def sampled(self) -> bool:
        """Did the caller record this request?"""
        return bool(self.flags & SAMPLED)


# value          = version "-" version-format                       ; version = 2HEXDIGLC, ff is invalid
# version-format = trace-id "-" parent-id "-" trace-flags           ; of version 00; a later one may add "-" and more
# trace-id       = 32HEXDIGLC                                       ; not all zeros
# parent-id      = 16HEXDIGLC                                       ; not all zeros
# trace-flags    = 2HEXDIGLC


def hexadecimal(size: int) -> Regular[bytes]:
    """That many digits."""
    return take_while_m_n(size, size, LOWER_HEX)


dash = tag(b"-")
flags: Regular[int] = map_(hexadecimal(2), lambda digits: int(digits, 16))
later: Regular[bytes | None] = opt(dash >> take_while(VCHAR))
VALUE: Final = fuse(
    record(TraceParent, hexadecimal(2) << dash, hexadecimal(32) << dash, hexadecimal(16) << dash, flags, later)
)


# Section 3.2.2: what the grammar does not say. Text that must not begin a value, and where it has become that.
FORBIDDEN: Final = (
    # ff is no version; zeros are no identity; and of version 00, unlike of later ones, nothing may follow the flags. The number is the byte that
    # makes it so.
    (re.compile(rb"ff"), 1),
    (re.compile(rb"..-0{32}"), 34),
    (re.compile(rb"..-.{32}-0{16}"), 51),
    (re.compile(rb"00-.{52}-"), 55),
)


def fault(text: bytes, _ended: bool) -> int | None:  # noqa: FBT001 - so `Sound` calls it
    """The first of them, in the order of their places."""
    return next((place for pattern, place in FORBIDDEN if pattern.match(text)), None)


traceparent = Sound(VALUE, fault, "version, trace-id and parent-id that are valid")


def write_traceparent(trace: TraceParent) -> bytes:
    """The field value, as the version 00 that we speak (section 3.2.2.5: of flags it knows "sampled" alone)."""
    return b"00-%b-%b-%02x" % (trace.trace_id, trace.parent_id, trace.flags & SAMPLED)
