"""Streaming leaves: the parsers that look at bytes. One file of nom's `bytes` and `number` families.

On plain bytes a leaf whose answer depends on what comes next says Incomplete; on `Complete` bytes it decides. parsy's own leaves (`string`,
`regex`, `char_from`, `any_char`, `eof`) see the end of a buffer silently, as if nothing could follow: no grammar of ours uses one.

    leaf                          input "ab1"        "12ab"           "ab" streaming    "ab" Complete
    tag(b"abc")                   Error(2)           Error(0)         Incomplete        Error(2)
    take(3)                       b"ab1"             b"12a"           Incomplete(1)     Error(2)
    take_while(ALPHA)             b"ab"              b""              Incomplete        b"ab"
    take_while1(ALPHA)            b"ab"              Error(0)         Incomplete        b"ab"
    take_till(DIGIT)              b"ab"              b""              Incomplete        b"ab"
    one_of(ALPHA)                 b"a"               Error(0)         b"a"              b"a"
A class of bytes is anything that yields numbers below 256: bytes, a range, a set. abnf.py has the usual ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from parsy import Parser, Result

from sozu.parsers.regular import Regular, shown
from sozu.parsers.result import Bytes, Complete, More
from sozu.parsers.tree import EVERY_BYTE, Lit, Map, Run, Slice, Trim

if TYPE_CHECKING:
    from collections.abc import Iterable


def tag(text: bytes) -> Regular[bytes]:
    """Exactly `text`. An error is reported at the first byte that differs."""
    return Regular(Lit(text))


# Only for what an RFC calls case-insensitive: schemes (RFC 3986 3.1), codings, options. Methods and HTTP-version are case-sensitive (RFC 9110 9.1,
# RFC 9112 2.3), and a proxy that took `get` for GET would disagree with origins that do not.
def tag_no_case(text: bytes) -> Regular[bytes]:
    """`text`, with ASCII letters in either case; the value is what was there."""
    return Regular(Lit(text, fold=True))


# A frozenset at once, in all of these: a class may be a generator, and the reading, the certificate and the patterns each look into it.
def one_of(members: Iterable[int]) -> Regular[bytes]:
    """One byte of the class."""
    return Regular(Run(frozenset(members), 1, 1))


def none_of(members: Iterable[int]) -> Regular[bytes]:
    """One byte that is not of the class."""
    return Regular(Run(EVERY_BYTE - frozenset(members), 1, 1))


def take(size: int) -> Regular[bytes]:
    """Exactly `size` bytes."""
    return Regular(Run(EVERY_BYTE, size, size))


def take_while(members: Iterable[int]) -> Regular[bytes]:
    """The longest run of the class, perhaps empty."""
    return Regular(Run(frozenset(members), 0, None))


def take_while1(members: Iterable[int]) -> Regular[bytes]:
    """The longest run of the class, not empty."""
    return Regular(Run(frozenset(members), 1, None))


def take_while_m_n(least: int, most: int, members: Iterable[int]) -> Regular[bytes]:
    """`least` to `most` bytes of the class, as many as there are."""
    return Regular(Run(frozenset(members), least, most))


def take_till(members: Iterable[int]) -> Regular[bytes]:
    """Everything before the first byte of the class, perhaps nothing."""
    return Regular(Run(EVERY_BYTE - frozenset(members), 0, None))


def trimmed(members: Iterable[int], blank: Iterable[int]) -> Regular[bytes]:
    """The longest run of `members`, perhaps empty; the value is without the `blank` ones at its ends. `OWS value OWS` of RFC 9110."""
    return Regular(Trim(frozenset(members), frozenset(blank)))


def take_until(delimiter: bytes, limit: int | None = None) -> Parser:
    """Everything before `delimiter`, which stays; `limit` bytes at most. A search, so it does not fuse; for one byte take_till does."""

    def read(data: Bytes, at: int) -> Result:
        # The window holds the delimiter behind `limit` bytes, so that a delimiter which begins at the limit is still found, and one byte later is not.
        stop = len(data) if limit is None else min(len(data), at + limit + len(delimiter))
        found = bytes(data[at:stop]).find(delimiter)
        if found >= 0:
            return Result.success(at + found, bytes(data[at : at + found]))
        # A full window without the delimiter is settled however much more may come. Without a limit a stream
        # that never sends it is never settled: give one wherever the peer is not trusted.
        if isinstance(data, Complete) or (limit is not None and stop == at + limit + len(delimiter)):
            return Result.failure(stop, shown(delimiter))
        raise More

    return Parser(read)


def number(size: int) -> Regular[int]:
    """A big-endian number of `size` bytes."""
    return Regular(Map(Slice(Run(EVERY_BYTE, size, size)), from_big_endian))


def from_big_endian(octets: bytes) -> int:
    """Network byte order."""
    return int.from_bytes(octets, "big")


be_u8: Final = number(1)
be_u16: Final = number(2)
be_u24: Final = number(3)
be_u32: Final = number(4)


def read_rest(data: Bytes, at: int) -> Result:
    """Streaming input has no rest that one could know."""
    if not isinstance(data, Complete):
        raise More
    return Result.success(len(data), data[at:])


def read_eof(data: Bytes, at: int) -> Result:
    """A byte proves that it is not the end; its absence proves nothing while input may grow."""
    if at < len(data):
        return Result.failure(at, "the end")
    if not isinstance(data, Complete):
        raise More
    return Result.success(at, None)


rest: Final = Parser(read_rest)
eof: Final = Parser(read_eof)
