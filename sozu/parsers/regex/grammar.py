r"""The syntax of regular expressions: what Python's `re` and RE2 have in common, less what rules on ASCII text do not need.

Left out, and an error where it is met: lookaround, backreferences, possessive quantifiers, anchors in the middle, `\b`, and anything but
ASCII (paths and hostnames hold nothing else: write `%C3%BC` or the A-label). `^` at the beginning and `$` at the end say what holds anyway.
"""

from __future__ import annotations

from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Final

from parsy import Parser, Result

from sozu.parsers.abnf import ALPHA, DIGIT, HEXDIG, VCHAR, byte_class
from sozu.parsers.combinators import alt, many, map_, opt, record, sep_by, seq, value, verify
from sozu.parsers.leaves import one_of, tag, take_while1, take_while_m_n
from sozu.parsers.regex.tree import Choice, Expression, OneOf, Repetition, Sequence
from sozu.parsers.result import Failure
from sozu.parsers.tree import EVERY_BYTE

if TYPE_CHECKING:
    from sozu.parsers.regular import Regular
    from sozu.parsers.result import Bytes

DEEPEST: Final = 8  # a level costs 36 frames of Python's stack
# "{" and "}" too, which Python's `re` takes for themselves where they are no count: a typing error in a count shall not become a literal.
SPECIAL: Final = b".^$*+?{}[]\\|()"
# An escaped letter that has no meaning is an error and no literal, so that a `\b` or `\A` brought along from elsewhere is not silently a letter.
PUNCTUATION: Final = bytes(set(VCHAR) - set(ALPHA + DIGIT))
IN_WORD: Final = byte_class(ALPHA, DIGIT, b"_")
SPACES: Final = b"\t\n\v\f\r "

# regex       = [ "(?i)" ] [ "^" ] choice [ "$" ]
# choice      = sequence *( "|" sequence )
# sequence    = *( atom [ quantifier [ "?" ] ] )                       ; the "?" asks for as little as possible: the same for a whole text
# quantifier  = "*" / "+" / "?" / "{" 1*3DIGIT [ "," *3DIGIT ] "}"
# atom        = "." / class / group / escape / plain
# group       = "(" [ "?:" / "?P<" name ">" / "?<" name ">" ] choice ")"
# class       = "[" [ "^" ] [ "-" ] 1*( range / member ) [ "-" ] "]"
# range       = member "-" member                                      ; of two single bytes
# escape      = "\" ( "d" / "D" / "w" / "W" / "s" / "S" / "t" / "n" / "r" / "x" 2HEXDIG / punctuation )
# plain       = any visible character or SP, but for . ^ $ * + ? { } [ ] \ | ( )

# --- Sets of bytes ----------------------------------------------------------------------------------------------------

LETTERS: Final[dict[bytes, frozenset[int]]] = {
    b"d": frozenset(DIGIT),
    b"w": frozenset(IN_WORD),
    b"s": frozenset(SPACES),
    b"D": EVERY_BYTE - frozenset(DIGIT),
    b"W": EVERY_BYTE - frozenset(IN_WORD),
    b"S": EVERY_BYTE - frozenset(SPACES),
    b"t": frozenset(b"\t"),
    b"n": frozenset(b"\n"),
    b"r": frozenset(b"\r"),
}

by_letter: Regular[frozenset[int]] = map_(one_of(b"".join(LETTERS)), LETTERS.__getitem__)
by_number: Regular[frozenset[int]] = map_(
    tag(b"x") >> take_while_m_n(2, 2, HEXDIG), lambda digits: frozenset([int(digits, 16)])
)
by_itself: Regular[frozenset[int]] = map_(one_of(PUNCTUATION), frozenset)
known_escape = alt(by_letter, by_number, by_itself).desc("one of dDwWsStnr, x with two hex digits, or punctuation")
escape: Regular[frozenset[int]] = (tag(b"\\") >> known_escape).desc(r"an escape like \d, \w or \.")

any_byte: Regular[frozenset[int]] = value(EVERY_BYTE, tag(b"."))
PLAIN: Final = bytes(set(VCHAR + b" ") - set(SPECIAL))
plain: Regular[frozenset[int]] = map_(one_of(PLAIN), frozenset).desc("character")
plain_run: Regular[bytes] = take_while1(PLAIN).desc("character")

# No "[" inside of a class: RE2 and Python's warnings read "[[:" as the beginning of a named or nested class, which we do not have.
member = alt(map_(one_of(set(VCHAR + b" ") - set(b"[]\\-")), frozenset), escape).desc("character of a class")
hyphen: Regular[frozenset[int]] = map_(tag(b"-"), frozenset)


def read_range(data: Bytes, at: int) -> Result:
    """A member, or two with a hyphen between them; a hyphen before the bracket is one itself."""
    result: Result = seq(member, opt(tag(b"-") >> member))(data, at)
    if not result.status:
        return result
    first, last = result.value
    if last is None:
        return Result.success(result.index, first).aggregate(result)
    # Raised, not returned: `many` would take a failure for the end of the class, and the error would name the bracket that is missing.
    if len(first) > 1 or len(last) > 1 or min(first) > min(last):
        raise Failure(at, frozenset(["range like a-z, from the lower to the higher"]))
    return Result.success(result.index, frozenset(range(min(first), min(last) + 1)))


def united(parts: tuple[frozenset[int] | None, list[frozenset[int]], frozenset[int] | None]) -> frozenset[int]:
    """All that a class names."""
    before, inner, after = parts
    return frozenset().union(before or (), *inner, after or ())


def bracketed(inverted: bytes | None, members: frozenset[int]) -> OneOf:
    """With `^`, all that it does not name."""
    return OneOf(members, inverted is not None)


# An empty class matches nothing, so nobody means it: in other engines "[]" begins a class that holds the bracket.
ranges = verify(map_(seq(opt(hyphen), many(Parser(read_range)), opt(hyphen)), united), bool, "character of a class")
class_ = seq(tag(b"[") >> opt(tag(b"^")), ranges << tag(b"]")).combine(bracketed)

# --- Quantifiers ------------------------------------------------------------------------------------------------------

bound: Regular[int] = map_(take_while_m_n(1, 3, DIGIT), int)
# In a tuple, for there are two kinds of nothing: no comma at all, and a comma without a number.
upper = map_(tag(b",") >> opt(bound), lambda most: (most,))


def counted(least: int, most: tuple[int | None] | None) -> tuple[int, int | None]:
    """`{3}` is three, `{3,}` three or more."""
    return (least, least) if most is None else (least, most[0])


def in_order(bounds: tuple[int, int | None]) -> bool:
    """`{3,2}` is nothing."""
    return bounds[1] is None or bounds[0] <= bounds[1]


counts = verify(record(counted, tag(b"{") >> bound, opt(upper) << tag(b"}")), in_order, "bounds like {2,5}, the lower one first")
quantifier = alt(value((0, None), tag(b"*")), value((1, None), tag(b"+")), value((0, 1), tag(b"?")), counts)
lazily = opt(tag(b"?"))
QUANTIFIERS: Final = (b"*", b"+", b"?", b"{")

# --- Expressions ------------------------------------------------------------------------------------------------------

group_name = take_while1(IN_WORD) << tag(b">")
named = alt(tag(b":"), tag(b"P<") >> group_name, tag(b"<") >> group_name).desc("?: or ?<name>: there is no lookaround")
beginning = tag(b"(") << opt(tag(b"?") >> named)


def read_run(data: Bytes, at: int) -> Result:
    """Plain characters that stand for themselves: most of most expressions, and read at once. One before a quantifier is not among them."""
    result: Result = plain_run(data, at)
    if not result.status:
        return result
    # A quantifier belongs to one character, not to the run before it: that character is left for `piece`. To read each character by
    # itself took half a second for a thousand of them, in the master's loop and again in each worker's.
    end = result.index - (data[result.index : result.index + 1] in QUANTIFIERS)
    if end == at:
        return Result.failure(at, "character")
    return Result.success(end, [OneOf(frozenset([byte])) for byte in result.value[: end - at]]).aggregate(result)


@cache
def choice(depth: int) -> Parser:
    """An expression in which groups are nested `depth` times at most. Each depth is built when it is first met."""
    group = beginning >> nested(depth - 1) << tag(b")")
    # Plain characters first, as they are most: a committed choice pays for each branch in front of the right one.
    atom = alt(map_(alt(plain, any_byte, escape), OneOf), class_, group)
    piece = map_(seq(atom, opt(quantifier << lazily)), repeated)
    pieces = alt(Parser(read_run), map_(piece, lambda item: [item]))
    sequence = map_(many(pieces), lambda runs: joined(Sequence, list(chain.from_iterable(runs))))
    return map_(sep_by(sequence, tag(b"|"), 1), lambda items: joined(Choice, items))


def nested(depth: int) -> Parser:
    """What is in a group."""

    def read(data: Bytes, at: int) -> Result:
        # A failure with a sentence, not RecursionError: that would be a fault of ours in the log, and says nothing about the expression.
        if depth < 0:
            return Result.failure(at, f"no more than {DEEPEST} groups within each other")
        result: Result = choice(depth)(data, at)
        return result

    return Parser(read)


def repeated(parts: tuple[Expression, tuple[int, int | None] | None]) -> Expression:
    """An atom, with its quantifier if it has one."""
    item, bounds = parts
    return item if bounds is None else Repetition(item, *bounds)


def joined(kind: type[Sequence | Choice], items: list[Expression]) -> Expression:
    """One item stays what it is."""
    return items[0] if len(items) == 1 else kind(tuple(items))


regex = seq(opt(tag(b"(?i)")), opt(tag(b"^")) >> choice(DEEPEST) << opt(tag(b"$")))
