"""Classes of bytes by the names that the RFCs give them (RFC 5234 appendix B.1, RFC 9110 section 5, RFC 3986 section 2).

Each is `bytes` in ascending order; leaves take them as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable


# Sorted, so that patterns and messages of the same class are the same text in whichever order a grammar names its parts.
def byte_class(*parts: Iterable[int]) -> bytes:
    """All bytes of all parts, each once, in order."""
    return bytes(sorted({byte for part in parts for byte in part}))


DIGIT: Final = b"0123456789"
ALPHA: Final = byte_class(range(0x41, 0x5B), range(0x61, 0x7B))
HEXDIG: Final = byte_class(DIGIT, b"ABCDEFabcdef")
WSP: Final = b"\t "  # RFC 9110 writes OWS = *( SP / HTAB )
VCHAR: Final = bytes(range(0x21, 0x7F))
# RFC 9110 5.5: obs-text is opaque. Nothing here decodes it: origins send Latin-1 and UTF-8, and a proxy that refused either would break sites.
OBS_TEXT: Final = bytes(range(0x80, 0x100))
# What is missing is the point: NUL, CR, LF and the other controls, which RFC 9110 5.5 calls invalid or dangerous in a value. Programs
# written in C end a value at NUL; some end a line at a bare CR.
FIELD_BYTES: Final = byte_class(WSP, VCHAR, OBS_TEXT)  # field-content with the blanks inside it
TCHAR: Final = byte_class(b"!#$%&'*+-.^_`|~", DIGIT, ALPHA)
UNRESERVED: Final = byte_class(ALPHA, DIGIT, b"-._~")
SUB_DELIMS: Final = b"!$&'()*+,;="
