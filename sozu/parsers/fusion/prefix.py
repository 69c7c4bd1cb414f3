r"""The longest viable prefix, and the dialect for streaming input that is built on it.

`viable(tree)` is a pattern that always matches: it stops at the first byte that no continuation could mend. If that is the end of the
buffer, the answer is Incomplete; else it is the exact offset of the error. Both come from C, so that errors are as cheap as matches.

The pattern is made back to front. For a node X with the pattern `rest` of what may come after it:  (?> X rest | viable(X) )
where X is emitted in the Strict dialect. `rest` always matches, so the second branch is for the case that X itself is broken off.
"""

from __future__ import annotations

from sozu.parsers.fusion.analysis import first
from sozu.parsers.fusion.emission import Emitter, Strict, byte_set, choice, either, literal, repeated, run
from sozu.parsers.tree import Alt, Lit, Node, Opt, Rep, Run, Seq, Trim, nullable


# Back to front, because what may come after a node is a part of the node's own pattern: a choice that is committed has to hold its rest,
# or a branch that fits here and fails later would leave no way to say how far the best one came.
def viable(node: Node, rest: bytes = b"") -> bytes:
    """The longest prefix of `node` and then `rest`."""
    match node:
        case Lit(text, fold):
            return viable_literal(text, rest, fold=fold)
        case Run(members, least, most):
            return viable_run(members, least, most, rest)
        case Trim(members):
            # No proof of an end and nothing to trim: blanks at the end are right as far as they go.
            return run(members, 0, None) + rest
        case Seq(items):
            # `rest` grows from the end, and each item is asked once: the items of a sequence add up, they do not multiply.
            for item in reversed(items):
                rest = viable(item, rest)
            return rest
        case Alt(items):
            # The empty branch is for input that begins with none of them: the error is then here. It also keeps the promise that this pattern
            # always matches, which `viable_end` relies on.
            return choice(Strict().emit(node) + rest, *map(begun, items), b"")
        case Opt(item):
            # If the item is whole but its rest is wrong, the first branch has gone on into the rest already, for `rest` cannot fail. So the second
            # is only reached by an item that is cut short.
            return choice(Strict().emit(node) + rest, viable(item))
        case Rep(item, least, most):
            return viable_repetition(item, least, most, rest)
        case _:
            return viable(node.item, rest)


def viable_literal(text: bytes, rest: bytes, *, fold: bool) -> bytes:
    """Byte by byte: `(?>a(?>b(?>c rest|)|)|)`."""
    # Nested, so that each byte is compared once; an alternative for each length would compare the first byte as often as there are bytes.
    for number in reversed(range(len(text))):
        rest = choice(literal(text[number : number + 1], fold=fold) + rest, b"")
    return rest


def viable_run(members: frozenset[int], least: int, most: int | None, rest: bytes) -> bytes:
    """A run that is long enough goes on to the rest; a shorter one is viable as far as it goes."""
    if least == 0:
        return run(members, 0, most) + rest
    return choice(run(members, least, most) + rest, run(members, 0, least - 1))


def viable_repetition(item: Node, least: int, most: int | None, rest: bytes) -> bytes:
    """All whole items, then either the rest, or the item that was begun."""
    strict = Strict()
    # An item that is followed by another one ends as any item in the middle of a match does.
    whole = strict.emit(item, last=False)
    if most is None:
        return choice(strict.emit(Rep(item, least, None)) + rest, repeated(whole, 0, None) + viable(item))
    if most == 0:
        return rest
    return choice(strict.emit(Rep(item, least, most)) + rest, repeated(whole, 0, most - 1) + viable(item))


def begun(item: Node) -> bytes:
    """`item`, broken off somewhere after its first byte."""
    # The look-ahead keeps a branch that cannot even begin from matching the empty prefix, which would shut out those behind it.
    return b"(?=" + byte_set(first(item)) + b")" + viable(item) if first(item) else b"(?!)"


class Streaming(Emitter):
    r"""The dialect for input that may grow: where the match may end, the end of the buffer proves nothing.

    A run must be closed by a byte outside it. An optional or repeated item may be absent only if what is there is not the beginning
    of one, cut off by the end of the buffer: `(?! viable(item) \Z)`.
    """

    def run(self, members: frozenset[int], least: int, most: int | None, *, last: bool) -> bytes:
        """A full run needs no proof."""
        # A run that something must follow is closed by it: heads end in CRLF, so their patterns have no such proof and pay nothing.
        # `\Z` is the very end; `$` would also match before a line feed that ends the buffer, and take "more to come" for the end of a line.
        if not last or least == most:
            return run(members, least, most)
        if most is None:
            return run(members, least, None) + rb"(?!\Z)"
        return choice(run(members, most, most), run(members, least, most - 1) + rb"(?!\Z)")

    def choice(self, items: tuple[Node, ...], branches: list[bytes], *, last: bool) -> bytes:
        """Only the last branch may be empty; the others could still come true."""
        # A branch that is not empty proves itself by its bytes. Only the empty one is believed on the strength of what is absent.
        if last and nullable(items[-1]):
            branches = [*branches[:-1], b"".join(map(not_begun, items[:-1])) + branches[-1]]
        return either(*branches, last=last)

    def optional(self, item: Node, pattern: bytes, *, last: bool) -> bytes:
        """The item, or proof that it is not there."""
        return either(pattern, not_begun(item) if last else b"", last=last)

    def repetition(self, item: Node, least: int, most: int | None, *, last: bool) -> bytes:
        """The items, and proof that there is not one more."""
        pattern = self.emit(item, last=last)
        if not last or least == most:
            return repeated(pattern, least, most)
        if most is None:
            return repeated(pattern, least, None) + not_begun(item)
        return choice(repeated(pattern, most, most), repeated(pattern, least, most - 1) + not_begun(item))


def not_begun(item: Node) -> bytes:
    """The buffer does not end within an `item`."""
    return b"(?!" + viable(item) + rb"\Z)"
