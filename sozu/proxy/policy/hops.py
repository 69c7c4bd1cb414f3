"""How far a message may go and where it has been: Max-Forwards (RFC 9110 section 7.6.2) and Via (section 7.6.3).

Max-Forwards holds for OPTIONS and TRACE alone. Whoever gets it as 0 is the final recipient. A value that is no number says nothing.
"""

from typing import Final

from sozu.parsers.abnf import DIGIT

COUNTED: Final = frozenset((b"OPTIONS", b"TRACE"))
MAX_FORWARDS: Final = frozenset((b"max-forwards",))
LONGEST: Final = 9  # digits: more hops than anybody has


def hops_left(fields: bytes) -> int | None:
    """How often the OPTIONS or TRACE with these field lines may still be forwarded; None if they do not say. Of two values the lower holds."""
    lines = [line.partition(b":") for line in fields.split(b"\r\n")]
    values = [value.strip(b" \t") for name, _, value in lines if name.lower() in MAX_FORWARDS]
    return min([int(value) for value in values if 0 < len(value) <= LONGEST and not value.translate(None, DIGIT)], default=None)


def via(name: str, minor: int) -> bytes:
    """The line that says that a message which came in HTTP/1.`minor` has passed here; it follows those of others."""
    return b"Via: 1.%d %b\r\n" % (minor, name.encode())
