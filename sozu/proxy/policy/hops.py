"""How far a message may go and where it has been: Max-Forwards (RFC 9110 section 7.6.2) and Via (section 7.6.3).

Max-Forwards holds for OPTIONS and TRACE alone. Whoever gets it as 0 is the final recipient. A value that is no number says nothing.
"""

from typing import Final

from sozu.parsers.fields.max_forwards import max_forwards
from sozu.parsers.fields.section import values
from sozu.parsers.result import Error
from sozu.parsers.whole import whole

COUNTED: Final = frozenset((b"OPTIONS", b"TRACE"))
MAX_FORWARDS: Final = b"max-forwards"


def hops_left(fields: bytes) -> int | None:
    """How often the OPTIONS or TRACE with these field lines may still be forwarded; None if they do not say. Of two values the lower holds."""
    said = [whole(max_forwards, value) for value in values(fields, MAX_FORWARDS)]
    return min((number for number in said if not isinstance(number, Error)), default=None)


def via(name: str, minor: int) -> bytes:
    """The line that says that a message which came in HTTP/1.`minor` has passed here; it follows those of others."""
    return b"Via: 1.%d %b\r\n" % (minor, name.encode())
