r"""From tree to pattern. parsy is a PEG: choice is committed, repetition gives nothing back. Since 3.11 `re` can say just that:

    Alt   (?>A|B)      Rep   (?:A)*+      Run   [..]*+      Opt   (?>A|)

so that a pattern means what the combinators mean, by construction. The one thing a pattern does not see is that input may grow: a tree
whose end is open (`take_while` in last place) must not answer at the end of a buffer. In the streaming dialect each place where the match
may end asks for proof that the next byte, or an end that is not the buffer's, closed it: `(?!\Z)`.
"""

from __future__ import annotations

import re
from typing import Final

from sozu.parsers.fusion.analysis import cases, first
from sozu.parsers.tree import EVERY_BYTE, Alt, Const, Label, Lit, Map, Node, Opt, Rep, Run, Seq, Slice, Trim, nullable

# gh-106052: before 3.11.5 a possessive *group* may keep half an item (`(?:ab?c)*+` "matches" a lone a). Debian 12 ships 3.11.2.
POSSESSIVE_GROUPS_WORK: Final = re.fullmatch(rb"(?:ab?c)*+", b"a") is None
SHORTHANDS: Final = {(0, None): b"*", (1, None): b"+", (0, 1): b"?"}


def byte_set(members: frozenset[int]) -> bytes:
    """The class as `re` runs it fastest: ranges in order, never negated, except for `everything but one byte`."""
    if not members:
        return b"(?!)"
    if len(members) == 256:
        return b"(?s:.)"
    # `re` has a loop of its own for `[^x]`, faster than that for one range. A negated class of several bytes is the slowest of all, and is
    # never written.
    if len(members) == 255:
        return b"[^" + escaped(*(EVERY_BYTE - members)) + b"]"
    if len(members) == 1:
        return escaped(*members)
    return b"[" + b"".join(span(begin, end) for begin, end in spans(members)) + b"]"


def spans(members: frozenset[int]) -> list[tuple[int, int]]:
    """The maximal ranges, in order."""
    begins = sorted(byte for byte in members if byte - 1 not in members)
    ends = sorted(byte for byte in members if byte + 1 not in members)
    return list(zip(begins, ends, strict=True))


def span(begin: int, end: int) -> bytes:
    """One range inside brackets."""
    if end - begin < 2:
        return b"".join(escaped(byte) for byte in range(begin, end + 1))
    return escaped(begin) + b"-" + escaped(end)


def escaped(byte: int) -> bytes:
    """One byte, readable where it can be."""
    # Letters and digits stand for themselves; whatever could have a meaning in a pattern is a number, so nothing needs a list of such.
    char = bytes([byte])
    return char if char.isalnum() else b"\\x%02x" % byte


def literal(text: bytes, *, fold: bool) -> bytes:
    """A literal. Of a folded one the first letter is a class, by which `re` chooses between branches; a flag is faster for the others."""
    if not fold:
        return b"".join(map(escaped, text))
    others = literal(text[1:], fold=False)
    has_letters = any(len(cases(byte)) > 1 for byte in text[1:])
    return byte_set(cases(text[0])) + (b"(?i:%b)" % others if has_letters else others)


def quantified(item: bytes, least: int, most: int | None) -> bytes:
    """The greedy quantifier for one byte or group."""
    if (least, most) == (1, 1):
        return item
    if (least, most) in SHORTHANDS:
        return item + SHORTHANDS[least, most]
    if least == most:
        return item + b"{%d}" % least
    return item + b"{%d,%b}" % (least, b"" if most is None else b"%d" % most)


def run(members: frozenset[int], least: int, most: int | None) -> bytes:
    """A possessive run of a class: correct on every interpreter."""
    if most == 0:
        return b""
    # Bugs of possessive quantifiers concern groups alone; a class can be possessive on 3.11.2 too.
    pattern = quantified(byte_set(members), least, most)
    return pattern if least == most else pattern + b"+"


def repeated(item: bytes, least: int, most: int | None) -> bytes:
    """A possessive repetition of a group."""
    pattern = quantified(b"(?:" + item + b")", least, most)
    # A broken interpreter accepts half an item, that is, it takes a wrong head for a right one. It is asked what it does, since a version
    # does not tell what a distribution has mended. The atomic group says the same everywhere, but is slower, so it is the second choice.
    if POSSESSIVE_GROUPS_WORK:
        return pattern if least == most else pattern + b"+"
    return b"(?>" + pattern + b")"


def choice(*branches: bytes) -> bytes:
    """Committed choice."""
    return b"(?>" + b"|".join(branches) + b")"


def either(*branches: bytes, last: bool) -> bytes:
    """Committed choice, where the certificate commits it: if something has to follow, no other branch could begin there. `re` is faster so."""
    # At the end of the match nothing is left to refuse a branch, so nothing but the atomic group keeps `re` from a second thought.
    return choice(*branches) if last else b"(?:" + b"|".join(branches) + b")"


class Emitter:
    """The plain dialect: what the tree matches in input that is complete.

    With `quick`, a trimmed run is one as people write them: one blank, then something, with nothing to trim at its end. That is cheaper to
    match; what it refuses is left to the exact dialect.
    """

    def __init__(self, *, quick: bool = False) -> None:
        self.quick = quick

    def emit(self, node: Node, *, last: bool = True) -> bytes:
        """The pattern of `node`; `last` says that nothing but empty matches can follow it."""
        match node:
            case Lit(text, fold):
                return literal(text, fold=fold)
            case Run(members, least, most):
                return self.run(members, least, most, last=last)
            case Trim(members, blank):
                if self.quick:
                    return b"".join(self.quick_trim(members, blank, last=last))
                return self.run(members, 0, None, last=last)
            case Seq(items):
                return b"".join(self.emit(item, last=is_last) for item, is_last in with_last(items, last=last))
            case Alt(items):
                return self.choice(items, [self.emit(item, last=last) for item in items], last=last)
            case Opt(item):
                return self.optional(item, self.emit(item, last=last), last=last)
            case Rep(item, least, most):
                return self.repetition(item, least, most, last=last)
            case _:
                return self.emit(node.item, last=last)

    def quick_trim(self, members: frozenset[int], blank: frozenset[int], *, last: bool) -> tuple[bytes, bytes, bytes]:
        """The patterns before, of, and after the trimmed run."""
        # SP and HTAB are the blanks, and the greater of the two is SP: the one that is sent. A value that is empty, has a tab or two blanks before it, or
        # one behind it is refused here and read by the exact pattern, which is found out at the price of one more match.
        value = byte_set(members - blank) + self.run(members, 0, None, last=last)
        return escaped(max(blank)), value, not_after(blank)

    def run(self, members: frozenset[int], least: int, most: int | None, *, last: bool) -> bytes:  # noqa: ARG002 - see Streaming
        """A run of bytes."""
        return run(members, least, most)

    def choice(self, items: tuple[Node, ...], branches: list[bytes], *, last: bool) -> bytes:  # noqa: ARG002 - see Streaming
        """A choice, whose branches are emitted already."""
        return either(*branches, last=last)

    def optional(self, item: Node, pattern: bytes, *, last: bool) -> bytes:  # noqa: ARG002 - see Streaming
        """An optional item, which is emitted already."""
        return either(pattern, b"", last=last)

    def repetition(self, item: Node, least: int, most: int | None, *, last: bool) -> bytes:
        """A repetition."""
        return repeated(self.emit(item, last=last), least, most)


# The quick pattern may refuse what the grammar takes, for the exact one comes after it. It must never take *less* and call it done:
# a list at the end of a match, one of whose items it refuses, would simply be shorter.
def quick_is_sound(node: Node, *, last: bool = True) -> bool:
    """Does a refusal by the quick dialect fail the match as a whole?

    Not where an item that holds a trimmed run may be left out at the very end: there the match would just be shorter. Elsewhere the
    certificate sees to it: what may follow begins otherwise than the item that was refused.
    """
    match node:
        case Opt(item) | Rep(item):
            return quick_is_sound(item, last=last) if not last else not holds_trim(item)
        case Alt(items):
            return not (last and holds_trim(node)) and all(quick_is_sound(item, last=last) for item in items)
        case Seq(items):
            return all(quick_is_sound(item, last=is_last) for item, is_last in with_last(items, last=last))
        case Slice(item) | Const(item) | Map(item) | Label(item):
            return quick_is_sound(item, last=last)
        case _:
            return True


def holds_trim(node: Node) -> bool:
    """Is there a trimmed run in it?"""
    match node:
        case Trim():
            return True
        case Seq(items) | Alt(items):
            return any(map(holds_trim, items))
        case Opt(item) | Rep(item) | Slice(item) | Const(item) | Map(item) | Label(item):
            return holds_trim(item)
        case _:
            return False


def not_after(members: frozenset[int]) -> bytes:
    """The byte before is none of these."""
    return b"(?<!" + byte_set(members) + b")"


def with_last(items: tuple[Node, ...], *, last: bool) -> list[tuple[Node, bool]]:
    """Each item, and whether the match may end with it."""
    # The match may end with any item behind which all may be empty. To say so of too few would answer before the input has: a
    # `Done` that one more byte changes.
    return [(item, last and all(map(nullable, items[number + 1 :]))) for number, item in enumerate(items)]


# Without `unless`, an optional item that breaks off in its middle would count as absent: of `[ "ab" ] "c"` on "ax" the prefix would end
# before the "a", which could have become "abc". The error is the "x".
class Strict(Emitter):
    """The dialect inside prefix patterns: what begins with an optional item's first byte must be that item.

    Under the certificate that changes no match that is followed by something, but it stops where the error is.
    """

    def choice(self, items: tuple[Node, ...], branches: list[bytes], *, last: bool) -> bytes:  # noqa: ARG002 - dialects override it
        """Only the last branch may be empty."""
        if nullable(items[-1]):
            branches = [*branches[:-1], b"".join(map(unless, items[:-1])) + branches[-1]]
        return choice(*branches)

    def optional(self, item: Node, pattern: bytes, *, last: bool) -> bytes:  # noqa: ARG002 - dialects override it
        """The item, or something that does not begin as it does."""
        return choice(pattern, unless(item))

    def repetition(self, item: Node, least: int, most: int | None, *, last: bool) -> bytes:
        """The items, and after them something that does not begin as they do."""
        pattern = self.emit(item, last=last)
        if most is None:
            return repeated(pattern, least, None) + unless(item)
        if least == most:
            return repeated(pattern, least, most)
        return choice(repeated(pattern, most, most), repeated(pattern, least, most - 1) + unless(item))


def unless(item: Node) -> bytes:
    """Nothing that begins with a byte of FIRST(item)."""
    return b"(?!" + byte_set(first(item)) + b")" if first(item) else b""
