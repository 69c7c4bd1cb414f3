"""Grammars made from a table: one of these words, a number up to this one.

Written by hand such a grammar is either not LL(1) (`"Sat" / "Sun"` begin alike, so it would not fuse) or unreadable (`"S" ("at" / "un")`).
Here the common beginnings are factored out, and what the certificate demands holds by construction.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from sozu.parsers.abnf import DIGIT
from sozu.parsers.combinators import alt, map_, opt, recognize
from sozu.parsers.leaves import one_of, tag, take_while_m_n

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sozu.parsers.regular import Regular

ZERO: Final = 0x30
NINE: Final = 0x39


def one_word(words: Iterable[bytes]) -> Regular[bytes]:
    """The longest of `words` that is there. No word may be empty."""
    word: Regular[bytes] = recognize(trie(sorted(set(words))))
    return word


def trie(words: list[bytes]) -> Regular[Any]:
    """One branch for each first byte of the sorted words; in it that byte, and then what may follow it."""
    # groupby joins neighbours only, so the words must come sorted: else two branches would begin with the same byte, and the grammar not fuse.
    groups = groupby(words, lambda word: word[:1])
    choice: Regular[Any] = alt(*(branch(first, [word[1:] for word in group]) for first, group in groups))
    return choice


def branch(first: bytes, ends: list[bytes]) -> Regular[Any]:
    """`first`, then one of the ends; the empty end, which sorts first, makes the others optional."""
    # Where one word begins another ("Sun", "Sunday") the longer one is tried and the shorter is what remains without it: a PEG would never
    # come back to "Sunday" if "Sun" stood before it in a list of alternatives.
    longer = [end for end in ends if end]
    if not longer:
        return tag(first)
    after: Regular[Any] = trie(longer) if len(longer) == len(ends) else opt(trie(longer))
    found: Regular[Any] = tag(first) >> after
    return found


def decimal(most: int) -> Regular[int]:
    """A number from 0 to `most` in decimal digits, without leading zeros. `most` is 1 or more."""
    # No leading zeros: C's inet_aton takes 010 for eight, others take it for ten, so an address with one means two hosts. int() on the digits
    # is safe, as `up_to` lets no more of them through than `most` has.
    written: Regular[bytes] = recognize(alt(tag(b"0"), up_to(b"%d" % most, lowest=ZERO + 1)))
    number: Regular[int] = map_(written, int)
    return number.desc(f"0 to {most}")


def up_to(bound: bytes, lowest: int = ZERO) -> Regular[Any]:
    """Digits that begin no lower than `lowest`, not more than in `bound`; and if as many, no greater number."""
    head, tail = bound[0], bound[1:]
    # Three kinds of first digit: the bound's own, after which the rest must stay within the bound; a lower one, after which anything of that
    # length may come; a higher one, which must be of a shorter number. Each begins differently, so one byte decides.
    branches: list[Regular[Any]] = [tag(bound[:1]) >> opt(up_to(tail)) if tail else tag(bound[:1])]
    if lowest < head:
        branches.append(one_of(range(lowest, head)) >> digits(len(tail)))
    if head < NINE and tail:
        branches.append(one_of(range(head + 1, NINE + 1)) >> digits(len(tail) - 1))
    choice: Regular[Any] = alt(*branches)
    return choice


def digits(most: int) -> Regular[bytes]:
    """No more digits than that."""
    return take_while_m_n(0, most, DIGIT)
