"""Comma lists (RFC 9110 section 5.6.1), tokens, quoted strings and parameters; and the fields that are nothing but such a list.

The RFC writes `OWS` on both sides of a comma. Here every element takes the blanks after itself: the same language, and one byte
always tells which rule goes on, so the grammars fuse with a clean certificate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from sozu.parsers.abnf import OBS_TEXT, TCHAR, VCHAR, WSP, byte_class
from sozu.parsers.combinators import alt, many, map_, opt, recognize, seq
from sozu.parsers.leaves import eof, one_of, tag, take_while, take_while1
from sozu.parsers.result import Complete, Done, Error, Incomplete, run

if TYPE_CHECKING:
    from parsy import Parser

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
quoted_string = map_(tag(b'"') >> quoted_text << tag(b'"'), b"".join)
quoted_raw = recognize(seq(tag(b'"'), quoted_text, tag(b'"')))
word = alt(quoted_string, token)


def comma_list(element: Parser) -> Parser:
    """`#element`: the list of values; empty elements are skipped, as recipients must."""
    return separated(b",", element)


def separated(mark: bytes, element: Parser) -> Parser:
    """`[ element ] *( OWS mark OWS [ element ] )`."""
    item = opt(element << ows)
    return map_(seq(ows >> item, many(tag(mark) >> ows >> item)), present)


def present(parts: tuple[Any, list[Any]]) -> list[Any]:
    """The values that are there."""
    return [part for part in (parts[0], *parts[1]) if part is not None]


# parameters      = *( OWS ";" OWS [ parameter ] )
# parameter       = parameter-name "=" parameter-value
# weight          = OWS ";" OWS "q=" qvalue                          ; a parameter like any other here
parameter = seq(map_(token, bytes.lower) << tag(b"="), word)
parameters = map_(many(tag(b";") >> ows >> opt(parameter << ows)), lambda found: [pair for pair in found if pair])

# Connection        = #connection-option                            RFC 9110 7.6.1
# connection-option = token
connection = comma_list(map_(token, bytes.lower))

# Transfer-Encoding = #transfer-coding                              RFC 9112 6.1; `body.py` takes one exact `chunked` and no other
# TE                = #( "trailers" / ( transfer-coding [ weight ] ) )   RFC 9110 10.1.4
coding = seq(map_(token, bytes.lower) << ows, parameters)
transfer_encoding = comma_list(coding)
te = comma_list(coding)

# Expect      = #expectation                                        RFC 9110 10.1.1
# expectation = token [ "=" ( token / quoted-string ) parameters ]
expectation = seq(map_(token, bytes.lower), opt(tag(b"=") >> word) << ows, parameters)
expect = comma_list(expectation)


def read(parser: Parser, value: bytes) -> Any | Error:
    """The parser's value if it takes the whole field value, else the Error."""
    match run(parser << eof, Complete(value)):
        case Done(value=found):
            return found
        case Error() as error:
            return error
        case Incomplete():
            raise AssertionError("complete input cannot be incomplete")
