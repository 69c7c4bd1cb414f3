r"""`fuse(grammar)`: the same parser, run by C. The door to the package fusion/, where the how and why is.

    grammar  = seq(take_while1(TCHAR) << tag(b":"), take_while(VCHAR) << tag(b"\\r\\n"))
    parser   = fuse(grammar)              # ValueError if the certificate does not hold, naming the rules that clash
    parser.fused(data, pos)               # Done | Error | Incomplete; the hot call
    run(parser, data) == run(grammar, data)          # always, but for the time that it takes
    print(explain(parser))                # tree, patterns, certificate, generated function

Patterns are compiled at their first use, so that importing a grammar costs nothing. A Fused is a Regular: it may be a part of another.
"""

from __future__ import annotations

from functools import cached_property
from itertools import islice
import re
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from parsy import Result

from sozu.parsers.fusion.analysis import clashes, decisions, name
from sozu.parsers.fusion.decoding import Decoder
from sozu.parsers.fusion.emission import Emitter, quick_is_sound
from sozu.parsers.fusion.outline import outline
from sozu.parsers.fusion.prefix import Streaming, viable
from sozu.parsers.regular import Reading, Regular
from sozu.parsers.result import INCOMPLETE, Bytes, Complete, Done, Error, Incomplete, More, Names, Outcome, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from sozu.parsers.tree import Node

T = TypeVar("T")
CLASHES_SHOWN = 5
# How many items to unroll, for input below SOME bytes, below MANY, and above: each item costs a little even where there is none.
UNROLLED: Final = (0, 12, 48)
SOME: Final = 200  # bytes
MANY: Final = 800
GUARD: Final = f"if not {SOME} <= len(data) - pos < {MANY}: return otherwise(data, pos)"

BEGINNING: Final = "\ndef fused(data, pos=0):\n"  # no text of a grammar's has line ends: its literals are written with escapes
TEMPLATE = """\
def build(match, data):
    {unpack}
    return Done(data, {expression}, match.end())

def fused(data, pos=0):
    match = MATCH(data, pos)
    if match is None:
        return slower(data, pos)
    {unpack}
    return Done(data, {expression}, match.end())
"""


class Fused(Regular[T], Generic[T]):
    """A regular grammar with its patterns and its generated function."""

    def __init__(self, source: Regular[T], *, unroll: bool = False) -> None:
        """`source` must hold the certificate: make it with `fuse`."""
        super().__init__(source.tree)
        self.source = source
        self.unroll = unroll

    @cached_property
    def wrapped_fn(self) -> Reading:  # type: ignore[override]  # parsy sets it in its constructor
        """In parsy's convention, for use within plain combinators."""
        return parsy_reading(self.fused)

    @cached_property
    def fused(self) -> Callable[..., Outcome[T]]:
        """`fused(data, pos=0)`: the generated function. It tries the quick pattern, then `slower` decides."""
        if not self.unroll:
            return self.hot(self.quick)
        # Three patterns instead of one: unrolled items cost time where they are not there, and the list is split by a second pattern where they are too few.
        few, some, many = (self.variant(unroll=items) for items in UNROLLED)
        few_or_many = by_size(self.hot(few), self.hot(many))
        # The usual size pays no call for the choice: its function asks for the size in its own first line. Only the rare sizes take a detour.
        some.generated = some.generated.replace(BEGINNING, f"{BEGINNING}    {GUARD}\n")
        return self.hot(some, otherwise=few_or_many)

    def hot(self, variant: Variant[T], **names: Any) -> Callable[..., Outcome[T]]:
        """The generated function of a variant, for the first try."""
        return variant.function({"Done": Done, "MATCH": variant.match, "slower": self.slower, **names}, "fused")

    def variant(self, unroll: int = 0) -> Variant[T]:
        """A variant for streaming input with nothing to trim: nearly always."""
        return Variant(self.tree, Streaming(quick=quick_is_sound(self.tree)), unroll)

    @cached_property
    def quick(self) -> Variant[T]:
        """The one that shows in `pattern` and `generated`."""
        # Made when first asked for, like all of these: a grammar is fused when its module is imported, and a process uses few of those that it
        # imports. To compile a pattern takes milliseconds, and a worker is started while clients wait.
        return self.variant()

    @cached_property
    def exact(self) -> Variant[T]:
        """For streaming input."""
        return Variant(self.tree, Streaming())

    @cached_property
    def closed(self) -> Variant[T]:
        """For complete input."""
        return Variant(self.tree, Emitter())

    @cached_property
    def prefix(self) -> re.Pattern[bytes]:
        """The longest viable prefix."""
        return re.compile(viable(self.tree))

    @property
    def pattern(self) -> bytes:
        """The pattern that nearly all input meets."""
        return self.quick.pattern

    @property
    def prefix_pattern(self) -> bytes:
        """The pattern that tells Incomplete from Error."""
        return self.prefix.pattern

    @property
    def generated(self) -> str:
        """The source of the generated function."""
        return self.quick.generated

    @property
    def sections(self) -> dict[str, str]:
        """What `explain` shows."""
        return {
            "grammar": name(self.tree),
            "tree": outline(self.tree),
            "pattern": self.pattern.decode("ascii"),
            "prefix pattern": self.prefix_pattern.decode("ascii"),
            "certificate": "\n".join(dict.fromkeys(map(str, decisions(self.tree)))) or "nothing to decide",
            "generated": self.generated,
        }

    def slower(self, data: Bytes, pos: int) -> Outcome[T]:
        """What the quick pattern did not match: blanks to trim, the end of complete input, an error, or more to come."""
        # Complete input comes here even when it is right: the quick pattern asks for proof that the end of the buffer is not the end of the match, and
        # there is none. Where the grammar closes itself, the quick pattern has matched before.
        variant = self.closed if isinstance(data, Complete) else self.exact
        if outcome := variant.read(data, pos):
            return outcome
        # Last, because it costs a match and is needed by nobody but wrong and unfinished input.
        end = self.viable_end(data, pos)
        if end == len(data) and not isinstance(data, Complete):
            return INCOMPLETE
        # The names are found by the slow reading, some fifty times as dear. A client may send errors all day, and nobody looks at the names but logs
        # and people. They are read from `data` when asked for: who uses a buffer again has to ask before; position and reason stay right.
        return Error(end, lambda: self.expected(data, pos))

    def viable_end(self, data: Bytes, pos: int) -> int:
        """Where the longest viable prefix ends."""
        found = self.prefix.match(data, pos)
        assert found is not None
        return found.end()

    def expected(self, data: Bytes, pos: int) -> Names:
        """Named by the combinators: the slow reading stops at the same byte and knows what it wanted there."""
        outcome = run(Regular[T](self.tree), data, pos)
        return outcome.expected if isinstance(outcome, Error) else frozenset()


def parsy_reading(fused: Callable[..., Outcome[Any]]) -> Reading:
    """A fused function in parsy's convention."""

    def read(data: Any, at: int) -> Result:
        outcome = fused(data, at)
        if isinstance(outcome, Incomplete):
            # Outcomes become parsy's signals, so that a fused grammar can be a part of a plain one and the Incomplete still flies through it.
            raise More(outcome.needed.size)
        if isinstance(outcome, Error):
            # `furthest` is the offset: with -1 an `alt` around would take the branch for one that never got anywhere, and name the wrong bytes.
            return Result(False, -1, None, outcome.position, outcome.expected)
        return Result.success(outcome.end, outcome.value)

    return read


class Variant(Generic[T]):
    """One pattern and the expression of its value; the function `read` is compiled when it is first called."""

    def __init__(self, tree: Node, dialect: Emitter, unroll: int = 0) -> None:
        self.scope: dict[str, Any] = {}
        decoder = Decoder(dialect, self.scope, unroll)
        part = decoder.part(tree)
        self.pattern = part.pattern
        # An unrolled list has about a hundred groups that want no name, so the tuple is kept whole and only those before the list are taken out.
        names = decoder.groups[: decoder.named]
        if decoder.named is not None:
            unpack = "; ".join(["groups = match.groups()", *(f"{each} = groups[{at}]" for at, each in enumerate(names))])
        else:
            unpack = f"({', '.join(names)},) = match.groups()" if names else ""
        self.generated = TEMPLATE.format(unpack=unpack, expression=part.expression)

    @cached_property
    def match(self) -> Callable[[Bytes, int], re.Match[bytes] | None]:
        """The compiled pattern's match."""
        return re.compile(self.pattern).match

    def function(self, scope: dict[str, Any], wanted: str) -> Callable[..., Any]:
        """A function of the generated source."""
        # Names that are globals of a dict of its own, not defaults or a closure: whatever the function refers to is in here, and `explain`
        # shows the source just as it runs.
        environment = {**self.scope, **scope}
        exec(self.generated, environment)  # noqa: S102 - our own source, made from a grammar, never from input
        made: Callable[..., Any] = environment[wanted]
        return made

    @cached_property
    def build(self) -> Callable[[re.Match[bytes], Bytes], Done[T]]:
        """From match to outcome."""
        return self.function({"Done": Done}, "build")

    def read(self, data: Bytes, pos: int) -> Done[T] | None:
        """The outcome if the pattern matches."""
        match = self.match(data, pos)
        return self.build(match, data) if match else None


def by_size(few: Callable[..., T], many: Callable[..., T]) -> Callable[..., T]:
    """One of two functions, by how much there is to read."""
    return lambda data, pos: few(data, pos) if len(data) - pos < SOME else many(data, pos)


def fuse(grammar: Regular[T], *, unroll: bool = False) -> Fused[T]:
    """The fused parser. Raises ValueError with the clashes if matching could be worse than linear, or differ from the combinators.

    `unroll` makes a grammar whose last value is a list of tuples of bytes faster by a fifth. It costs 20 ms at first use. ValueError too where the
    tuples are made of more than what was read, or where a value follows the list.
    """
    # At import, so that a grammar which could be slow never gets as far as serving: the process does not start.
    faults = list(islice(clashes(grammar.tree), CLASHES_SHOWN))
    if faults:
        raise ValueError("grammar cannot be fused: " + "; ".join(faults))
    fused = Fused(grammar, unroll=unroll)
    if unroll:
        fused.variant(unroll=1)  # a third of a millisecond: what cannot be unrolled is refused here, and not at the first use
    return fused


class Explained(Protocol):
    """What can be explained: a fused grammar, or a view."""

    @property
    def sections(self) -> dict[str, str]:
        """Texts by their titles."""


def explain(parser: Explained) -> str:
    """Everything about a fused grammar or a view, to read."""
    return "\n".join(f"-- {title}\n{text}\n" for title, text in parser.sections.items())
