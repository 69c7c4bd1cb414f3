"""The grammar of filters: `status >= 500 and (cluster == "blog" or path ~ "/api/*")`.

Operators bind as in Python: `or` least, then `and`, then `not`. Constants are those of JSON; strings may stand in single quotes as well, then
without escapes. A name alone asks whether the field has a value. Parentheses nest up to a depth, so that no filter exhausts the stack.
"""

from __future__ import annotations

from functools import cache
import json
from math import inf
from typing import TYPE_CHECKING, Any, Final

from parsy import Parser, Result

from sozu.parsers.abnf import ALPHA, DIGIT, HEXDIG, byte_class
from sozu.parsers.choices import digits, one_word
from sozu.parsers.combinators import alt, many, map_, not_, opt, recognize, sep_by, seq, times, verify
from sozu.parsers.filter.tree import Comparison, Conjunction, Disjunction, Expression, Field, Member, Negation, Operator
from sozu.parsers.fuse import fuse
from sozu.parsers.leaves import one_of, tag, take_while
from sozu.parsers.result import Error
from sozu.parsers.tree import EVERY_BYTE
from sozu.parsers.whole import whole

if TYPE_CHECKING:
    from sozu.parsers.regular import Regular
    from sozu.parsers.result import Bytes

DEEPEST: Final = 8  # a level costs 34 frames of Python's stack
WORDS: Final = frozenset([b"and", b"or", b"not", b"in", b"true", b"false", b"null"])
IN_NAME: Final = byte_class(ALPHA, DIGIT, b"_.-")
CONTROL: Final = frozenset(range(0x20))

# expression  = conjunction *( "or" conjunction )
# conjunction = negation *( "and" negation )
# negation    = *"not" primary
# primary     = "(" expression ")" / test
# test        = name [ operator constant / [ "not" ] "in" "(" constant *( "," constant ) ")" ]
# operator    = "==" / "!=" / "<=" / ">=" / "<" / ">" / "~" / "!~"            ; ~ and !~ compare with a pattern, in which * is any text
# name        = ( ALPHA / "_" ) *( ALPHA / DIGIT / "_" / "." / "-" )          ; but for the words of the language
# constant    = string / number / "true" / "false" / "null"                   ; RFC 8259
# Blanks may stand between any two of these; each takes those behind it.

SPACE: Final = fuse(take_while(b" \t\r\n"))


def read_blanks(data: Bytes, at: int) -> Result:
    """Blanks may stand nearly anywhere, so no error says that one was expected."""
    return Result.success(SPACE(data, at).index, None)


blanks = Parser(read_blanks)


def lexeme(parser: Parser) -> Parser:
    """The parser, and the blanks after it."""
    return parser << blanks


def keyword(word: bytes) -> Parser:
    """The word, where it is not the beginning of a longer one."""
    # Else `order` would be read as `or` and `der`, and `notes` as the opposite of `es`.
    return lexeme(tag(word) << not_(one_of(IN_NAME)))


def symbol(text: bytes) -> Parser:
    """Punctuation."""
    return lexeme(tag(text))


# --- Constants: RFC 8259 sections 6 and 7 -----------------------------------------------------------------------------
# number  = [ "-" ] ( "0" / digit1-9 *DIGIT ) [ "." 1*DIGIT ] [ ( "e" / "E" ) [ "-" / "+" ] 1*DIGIT ]     ; of bounded length here
# string  = DQUOTE *( unescaped / "\" ( DQUOTE / "\" / "/" / "b" / "f" / "n" / "r" / "t" / "u" 4HEXDIG ) ) DQUOTE

# 18 digits in all: more than a float can tell apart, and few enough that int() of them costs nothing.
whole_number = alt(tag(b"0"), seq(one_of(b"123456789"), digits(17)))
# Two more behind the point: Python writes the smallest number without an exponent as 0.000 and 17 digits.
fraction = seq(tag(b"."), one_of(DIGIT), digits(19))
exponent = seq(one_of(b"eE"), opt(one_of(b"+-")), one_of(DIGIT), digits(2))
number: Regular[bytes] = recognize(seq(opt(tag(b"-")), whole_number, opt(fraction), opt(exponent)))

escape = seq(tag(b"\\"), alt(one_of(b'"\\/bfnrt'), seq(tag(b"u"), times(one_of(HEXDIG), 4, 4))))
unescaped = take_while(EVERY_BYTE - CONTROL - frozenset(b'"\\'))
quoted: Regular[bytes] = recognize(seq(tag(b'"'), unescaped, many(seq(escape, unescaped)), tag(b'"')))
plain: Regular[bytes] = tag(b"'") >> take_while(EVERY_BYTE - CONTROL - frozenset(b"'")) << tag(b"'")

json_constant: Regular[bytes] = alt(number, quoted, one_word([b"true", b"false", b"null"])).desc("constant")


def of_json(literal: bytes) -> Any:
    """The value, in a tuple; None where a string is not UTF-8 or no text."""
    try:
        found = json.loads(literal)
        if isinstance(found, str):
            found.encode()  # half of a surrogate pair is no text, and could not be written again
    except UnicodeError:
        return None
    # None would be the value of `null`, so a constant travels in a tuple, and None alone says that there is none.
    return (found,)


def of_plain(literal: bytes) -> Any:
    """The same for a string without escapes."""
    try:
        return (literal.decode(),)
    except UnicodeError:
        return None


# Not fused: step by step, an error behind a number also knows how the number could have gone on. A filter is read once.
text_or_none: Regular[Any] = alt(map_(json_constant, of_json), map_(plain, of_plain))
text_constant = verify(text_or_none, lambda found: found is not None, "text in UTF-8")
# JSON's numbers have no bound, a float's have: 1e999 would become `Infinity`, which cannot be written again.
finite_constant = verify(text_constant, lambda found: found[0] not in (inf, -inf), "number below 1.8e308")
constant = lexeme(map_(finite_constant << not_(one_of(IN_NAME)), lambda found: found[0]))

# --- Tests ------------------------------------------------------------------------------------------------------------

identifier = fuse(recognize(seq(one_of(ALPHA + b"_"), take_while(IN_NAME))).desc("name"))
name = lexeme(map_(verify(identifier, lambda found: found not in WORDS, "name"), lambda found: found.decode("ascii")))
OPERATOR: Final = fuse(
    map_(one_word(each.encode() for each in Operator), lambda found: Operator(found.decode())).desc("operator")
)
operator = lexeme(OPERATOR)
one_of_them = map_(symbol(b"(") >> sep_by(constant, symbol(b","), 1) << symbol(b")"), tuple)


def tested(parts: tuple[str, tuple[Any, ...] | None]) -> Expression:
    """A name and what is asked of it."""
    field, question = parts
    if question is None:
        return Field(field)
    first, second = question
    if isinstance(first, Operator):
        return Comparison(field, first, second)
    return Member(field, second) if first is None else Negation(Member(field, second))


membership = seq(opt(keyword(b"not")), keyword(b"in") >> one_of_them)
test = map_(seq(name, opt(alt(seq(operator, constant), membership))), tested)

# --- Expressions ------------------------------------------------------------------------------------------------------


@cache
def expression(depth: int) -> Parser:
    """An expression in which parentheses are nested `depth` times at most. Each depth is built when it is first met."""
    primary = alt(symbol(b"(") >> nested(depth - 1) << symbol(b")"), test)
    negation = map_(seq(many(keyword(b"not")), primary), negated)
    conjunction = map_(sep_by(negation, keyword(b"and"), 1), lambda items: joined(Conjunction, items))
    return map_(sep_by(conjunction, keyword(b"or"), 1), lambda items: joined(Disjunction, items))


def nested(depth: int) -> Parser:
    """What is in parentheses."""

    def read(data: Bytes, at: int) -> Result:
        if depth < 0:
            return Result.failure(at, f"no more than {DEEPEST} parentheses within each other")
        result: Result = expression(depth)(data, at)
        return result

    return Parser(read)


def negated(parts: tuple[list[Any], Expression]) -> Expression:
    """`not not x` is x: however many there are, the tree is not deeper for them."""
    return Negation(parts[1]) if len(parts[0]) % 2 else parts[1]


def joined(kind: type[Conjunction | Disjunction], items: list[Expression]) -> Expression:
    """One item stays what it is."""
    return items[0] if len(items) == 1 else kind(tuple(items))


filter_expression = blanks >> expression(DEEPEST)


def parse_filter(filter_text: str) -> Expression | Error:
    """The filter, or an Error with the offset in characters and what could have stood there."""
    data = filter_text.encode("utf-8", "surrogatepass")
    found: Expression | Error = whole(filter_expression, data)
    if isinstance(found, Error):
        return Error(characters(data[: found.position]), found.expected)
    return found


def characters(data: bytes) -> int:
    """How many characters begin in these bytes of UTF-8?"""
    return sum(byte & 0xC0 != 0x80 for byte in data)
