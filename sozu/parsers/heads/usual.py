"""What heads of daily traffic are made of: the parts of the grammar of http1.py that the quick pattern of slots.py takes.

Each matches less than the grammar allows, and nothing else than it. What is not usual is read carefully, which takes ten times as long and
comes to the same; so these may leave out what is rare, and be classes that `re` runs fast: it has a table of bits for a class of three ranges
or more, and is slower with one or two.
"""

from __future__ import annotations

from typing import Final

from sozu.parsers.abnf import DIGIT, SUB_DELIMS, UNRESERVED, VCHAR, byte_class
from sozu.parsers.combinators import alt, opt, recognize, seq
from sozu.parsers.http1 import CRLF, SP, method, minor, status
from sozu.parsers.leaves import tag, tag_no_case, take_while, take_while1

# A tab is OWS too (RFC 9110 5.6.3), but hardly ever sent: so one byte is all that may have to be trimmed at the end of a value.
BLANK: Final = b" "
# 0xC0, 0xC1 and 0xF5 to 0xFF never occur in UTF-8 (RFC 3629 1): without them there are three ranges, which is what the quick kind of class begins
# with. A value that has one of them is legal (obs-text) and is read carefully.
VALUE_BYTES: Final = byte_class(
    BLANK, VCHAR, range(0x80, 0xC0), range(0xC2, 0xF5)
)  # no tab, and nothing that UTF-8 never has
TARGET_BYTES: Final = VCHAR.translate(None, b'"<>')  # what no URI has (RFC 3986 section 2), so that clients escape it

# RFC 9112 2.2 has servers ignore an empty line before a request, and some origins leave out the SP behind a status: http1.py takes both, these two
# take neither, since both are seldom.
request_line = seq(method << SP, take_while1(TARGET_BYTES) << SP, minor << CRLF)
status_line = seq(minor << SP, status << SP, take_while(VALUE_BYTES) << CRLF)

# No IPv6 literal and no "%": whether brackets hold an address is no question for a regular grammar.
host = recognize(seq(take_while1(byte_class(UNRESERVED, SUB_DELIMS)), opt(tag(b":") >> take_while(DIGIT))))
# One option, of these three: any other may name a field that has to be cut as well (RFC 9110 7.6.1), and so may a list, which only the careful
# reading looks into.
connection = recognize(alt(tag_no_case(b"keep-alive"), tag_no_case(b"close"), tag_no_case(b"upgrade")))
value = take_while(VALUE_BYTES)
