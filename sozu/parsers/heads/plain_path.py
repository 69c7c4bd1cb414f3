r"""The path of a request-target in its plain spelling: the one that routes compare, and that backends get. So both see the same resource.

Spellings that RFC 3986 section 6.2.2 calls equivalent become one: letters, digits and `-._~` are never escaped, and no segment is `.` or `..`
(section 5.2.4). What some origins read as something else than others do is refused, with a reason: NUL, a backslash, half an escape, a dot
segment behind `;` or an escaped slash. An escaped slash or backslash elsewhere is data like any other, and so is `;`; an empty segment
(`//`) is a segment. Whoever has an origin that reads those otherwise turns that into a rule too: `encoded_slashes`, `merge_slashes`.
Nothing is decoded twice: what has been read once holds no escape that a second reading would find.
"""

from __future__ import annotations

import re
from typing import Final

from sozu.parsers.abnf import UNRESERVED
from sozu.parsers.reasons import Reason

# A target without any of these has a plain path; so has nearly every target, and who is in a hurry looks for these alone.
PERCENT: Final = 0x25
BACKSLASH: Final = 0x5C
DOT: Final = b"/."
SLASHES: Final = b"//"  # where several are to be one

NEEDLESS: Final = {b"%%%02X" % byte: bytes([byte]) for byte in UNRESERVED}  # escapes of what needs none
ESCAPE: Final = re.compile(rb"%[0-9A-Fa-f]{2}")
# Refused before anything is decoded: out of `%4%31` decoding would make `%41`, an escape that nobody has sent and that the next reader would decode.
HALF_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
SEPARATOR: Final = re.compile(rb"%(?:2[Ff]|5[Cc])")
# A dot segment for an origin that cuts segments at ";" as Java does, or that reads an escaped slash as a slash.
HIDDEN_DOTS: Final = re.compile(rb"(?:/|%2[Ff]|%5[Cc])\.\.?(?:;|%2[Ff]|%5[Cc])|%(?:2[Ff]|5[Cc])\.\.?(?:/|\Z)")
SEVERAL_SLASHES: Final = re.compile(rb"//+")


def plain_target(target: bytes, *, merge_slashes: bool = False, encoded_slashes: bool = True) -> bytes | Reason:
    """A target in origin-form with its path in the plain spelling, or the rule that it breaks. The query stays as it is.

    `merge_slashes`: several slashes are one, as for nginx; without `encoded_slashes`, `%2F` and `%5C` are refused.
    """
    path, question, query = target.partition(b"?")
    plain = plain_path(path, merge_slashes=merge_slashes, encoded_slashes=encoded_slashes)
    if isinstance(plain, Reason) or plain == path:
        return plain if isinstance(plain, Reason) else target
    return plain + question + query


def plain_path(path: bytes, *, merge_slashes: bool = False, encoded_slashes: bool = True) -> bytes | Reason:
    """The same for a path alone."""
    if BACKSLASH in path:
        return Reason.PATH_BACKSLASH
    if PERCENT in path:
        fault = _bad_escape(path, encoded_slashes=encoded_slashes)
        if fault is not None:
            return fault
        # Before dots are looked for: `/%2e%2e/` climbs like `/../`, and `HIDDEN_DOTS` knows dots by their own byte alone.
        path = ESCAPE.sub(_needed, path)
    if merge_slashes:
        # Before dot segments go: who merges takes `/a//../b` for `/b`. Otherwise the `..` would climb over nothing but the space between two slashes.
        path = SEVERAL_SLASHES.sub(b"/", path)
    # A "%" that is still there may be a separator with dots beside it, which the pattern has to look for.
    if DOT not in path and PERCENT not in path:
        return path
    return Reason.PATH_DOTS if HIDDEN_DOTS.search(path) else _without_dot_segments(path)


def upper_escapes(path: bytes) -> bytes:
    """The path with its escapes in upper case, by which routes compare: `%c3` is `%C3` (RFC 3986 section 6.2.2.1)."""
    return ESCAPE.sub(lambda escape: escape[0].upper(), path)


def _bad_escape(path: bytes, *, encoded_slashes: bool) -> Reason | None:
    if HALF_ESCAPE.search(path):
        return Reason.PATH_ESCAPE
    if b"%00" in path:
        return Reason.PATH_NUL
    return None if encoded_slashes or not SEPARATOR.search(path) else Reason.PATH_SEPARATOR


def _needed(escape: re.Match[bytes]) -> bytes:
    # An escape that stays keeps the case in which the client wrote it: rules compare in upper case (`upper_escapes`), and a backend that signs or
    # logs paths gets what was sent.
    return NEEDLESS.get(escape[0].upper(), escape[0])


def _without_dot_segments(path: bytes) -> bytes:
    """RFC 3986 section 5.2.4. Who climbs above the root stays there."""
    kept: list[bytes] = []
    segments = path.split(b"/")
    for segment in segments[1:]:
        if segment == b"..":
            # A slice, since at the root there is nothing to delete, which `pop` would call an error and RFC 3986 5.2.4 (2C) does not.
            del kept[-1:]
        elif segment != b".":
            kept.append(segment)
    # RFC 3986 5.2.4 (2B, 2C) puts a "/" in the place of the last dot segment: `/a/b/..` is the folder `/a/`, not the file `/a`.
    if segments[-1] in (b".", b".."):
        kept.append(b"")
    return b"/" + b"/".join(kept)
