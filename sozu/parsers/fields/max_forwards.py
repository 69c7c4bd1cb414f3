"""Max-Forwards (RFC 9110 section 7.6.2): how often an OPTIONS or TRACE may still be forwarded."""

from __future__ import annotations

from typing import Final

from sozu.parsers.abnf import DIGIT
from sozu.parsers.combinators import map_
from sozu.parsers.fuse import fuse
from sozu.parsers.leaves import take_while_m_n

# A bound of ours: RFC 9110 7.6.2 has none. A longer value is no number here, and says as little as a field that is not there.
LONGEST: Final = 9  # digits: more hops than anybody has

# Max-Forwards = 1*DIGIT
max_forwards = fuse(map_(take_while_m_n(1, LONGEST, DIGIT), int))
