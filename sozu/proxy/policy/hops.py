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
    # Two such lines break the grammar (Max-Forwards = 1*DIGIT), but a proxy before us may have let them pass. The lower one errs on the safe
    # side: a request that stops early harms nobody, one that goes on may go in circles.
    said = [whole(max_forwards, value) for value in values(fields, MAX_FORWARDS)]
    return min((number for number in said if not isinstance(number, Error)), default=None)


def via(name: str, minor: int) -> bytes:
    """The line that says that a message which came in HTTP/1.`minor` has passed here; it follows those of others."""
    # The version is that in which the message came to us, not ours; "HTTP/" before it may be left out (RFC 9110 section 7.6.3).
    return b"Via: 1.%d %b\r\n" % (minor, name.encode())
