"""Comma lists (RFC 9110 section 5.6.1), tokens, quoted strings and parameters; and the fields that are nothing but such a list.

The RFC writes `OWS` on both sides of a comma. Here every token and string of a list takes the blanks behind itself: the same language, and
one byte always tells which rule goes on, so that the grammars fuse. Values are lists; empty elements are skipped, as recipients must.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sozu.parsers.abnf import FIELD_BYTES, OBS_TEXT, TCHAR, VCHAR, WSP, byte_class
from sozu.parsers.combinators import alt, many, map_, opt, recognize, seq
from sozu.parsers.fuse import fuse
from sozu.parsers.leaves import one_of, tag, take_while, take_while1, trimmed
from sozu.parsers.whole import whole

if TYPE_CHECKING:
    from sozu.parsers.regular import Regular

T = TypeVar("T")

# OWS           = *( SP / HTAB )
# token         = 1*tchar
# quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE
# qdtext        = HTAB / SP / %x21 / %x23-5B / %x5D-7E / obs-text
# quoted-pair   = "\" ( HTAB / SP / VCHAR / obs-text )
QUOTABLE: Final = byte_class(WSP, VCHAR, OBS_TEXT)
QDTEXT: Final = QUOTABLE.translate(None, b'"\\')

ows = take_while(WSP)
token = take_while1(TCHAR)
quoted_pair = tag(b"\\") >> one_of(QUOTABLE)
quoted_text = many(alt(one_of(QDTEXT), quoted_pair))
quoted_string: Regular[bytes] = map_(tag(b'"') >> quoted_text << tag(b'"'), b"".join)
quoted_raw = recognize(seq(tag(b'"'), quoted_text, tag(b'"')))
word: Regular[bytes] = alt(quoted_string, token)


def closed(parser: Regular[T]) -> Regular[T]:
    """The parser, and the blanks behind it."""
    return parser << ows


def comma_list(element: Regular[T]) -> Regular[list[T]]:
    """`#element`, where the element takes the blanks behind it: `[ element ] *( OWS "," OWS [ element ] )`."""
    more: Regular[list[T | None]] = many(tag(b",") >> ows >> opt(element))
    found: Regular[list[T]] = map_(seq(ows >> opt(element), more), present)
    return found


def present(parts: tuple[Any, list[Any]]) -> list[Any]:
    """The values that are there."""
    return [part for part in (parts[0], *parts[1]) if part is not None]


# parameters      = *( OWS ";" OWS [ parameter ] )                   RFC 9110 5.6.6
# parameter       = parameter-name "=" parameter-value
# weight          = OWS ";" OWS "q=" qvalue                          ; a parameter like any other here
lower_token: Regular[bytes] = map_(token, bytes.lower)
parameter: Regular[tuple[Any, ...]] = seq(lower_token << tag(b"="), closed(word))
several: Regular[list[tuple[Any, ...] | None]] = many(tag(b";") >> ows >> opt(parameter))
parameters: Regular[list[Any]] = map_(several, lambda found: [pair for pair in found if pair])

# Connection        = #connection-option                            RFC 9110 7.6.1
# connection-option = token                                         ; case-insensitive
connection = fuse(comma_list(closed(lower_token)))

# Transfer-Encoding = #transfer-coding                              RFC 9112 6.1; `body.py` takes one exact `chunked` and no other
# TE                = #( "trailers" / ( transfer-coding [ weight ] ) )   RFC 9110 10.1.4
coding = seq(closed(lower_token), parameters)
transfer_encoding = fuse(comma_list(coding))
te = transfer_encoding

# Expect      = #expectation                                        RFC 9110 10.1.1
# expectation = token [ "=" ( token / quoted-string ) parameters ]
expectation = seq(lower_token, closed(opt(tag(b"=") >> word)), parameters)
expect = fuse(comma_list(expectation))

# --- Lists in which only a few names are looked for -------------------------------------------------------------------
# Connection, Upgrade and TE are acted on where they say something that we know, and are never refused for the rest. So an element is
# whatever stands between two commas, and there is no value that is not a list.

element = trimmed(FIELD_BYTES.translate(None, b","), WSP)
ELEMENTS: Final = fuse(seq(element, many(tag(b",") >> element)))


@lru_cache(maxsize=64)  # clients choose what it holds, and a value may be as long as a head
def elements(value: bytes | None) -> frozenset[bytes]:
    """The elements of a field value (None where the field is absent), in lower case; empty ones do not count (RFC 9110 5.6.1.2)."""
    found = whole(ELEMENTS, (value or b"").lower())
    assert isinstance(found, tuple), "a field value has no other bytes"
    return frozenset((found[0], *found[1])) - {b""}
