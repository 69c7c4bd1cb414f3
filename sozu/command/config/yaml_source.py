"""YAML text -> plain values, and the place of each: what the strict reading of the configuration file stands on. Pure.

PyYAML scans and composes; values are built here, since its own constructor forgets where they stood, lets the later of two
equal keys win, and reads YAML 1.1, where `on` is true, `1:30` is ninety and `010` is eight. Plain scalars follow
the core schema of YAML 1.2 (section 10.3.2), decimal numbers only: what could be meant as octal or hexadecimal stays a
text, and is then refused where a number is expected.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from sozu.command.config.diagnostics import Problem, Span
from sozu.command.shape import Path

# The parser in C is ten times faster: 10,000 clusters in 1 s. It is in every wheel, not in every distribution.
# "Base", since it resolves no plain words: each scalar comes as its text with the tag `str`, and what it means is decided below.
# With another loader `on` would be a truth value before we see it, and tags could make objects.
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
# Aliases may repeat a part of the file; a part that repeats itself nine times over, nine times, is an attack (a "billion laughs").
_MOST_REPEATED = 100_000
# The deepest of our keys is eight levels down. An alias inside of what it names has no end at all, and a walk without this one would run into
# Python's recursion limit, with a traceback in place of a line number.
_DEEPEST = 50
# libyaml composes by calling itself: from 20,000 levels on its stack is full, and Python ends with a segmentation fault. As deep as this nobody means it.
_DEEPEST_COMPOSED = 1_000
# A text with fewer of these cannot be so deep: a level takes a bracket, or a column of a line. Half a second for 10,000 clusters is saved where nothing has to be counted.
_FEW_BRACKETS, _SHORT_LINE = 10_000, 2_000
_CORE = "tag:yaml.org,2002:"
_CORE_TAGS = tuple(_CORE + kind for kind in ("str", "seq", "map"))
_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DIGITS = frozenset("0123456789")
# `int` refuses more than 4300 digits with an error of its own; a fraction has 325 where `export` writes the smallest that there is.
_LONGEST_NUMBER = 400
_LARGEST = 2**63 - 1  # what fits into a journal


@dataclass(slots=True)
class Source:
    """What the text says, and where: the spans of keys and of values by path. `problems` are those of YAML itself.

    `readable` is false if the text is no YAML at all; otherwise what is wrong was left out of the value, and the
    paths in `left_out` hold None instead.
    """

    file: str
    text: str
    readable: bool = True
    value: Any = None
    left_out: set[Path] = field(default_factory=set)
    keys: dict[Path, Span] = field(default_factory=dict)
    values: dict[Path, Span] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def problem(
        self, span: Span | None, message: str, *, expected: str = "", nearest: str | None = None
    ) -> Problem:
        """A problem at this place; without one, of the whole file."""
        if span is None:
            return Problem(self.file, message, expected=expected, nearest=nearest)
        # Only for what is shown: a file without problems is never cut into lines.
        lines = self.text.splitlines()
        text = lines[span.line - 1] if span.line <= len(lines) else ""
        return Problem(self.file, message, span.line, span.column, span.length, text, expected, nearest)

    def span(self, path: Path, *, at_key: bool = False) -> Span | None:
        """Where the value of this path stands, or its key; where it is not in the file, the nearest thing around it that is."""
        # What is missing has no place of its own: it is told at the mapping that lacks it. The root has one whenever the text holds a value.
        found = self.keys.get(path) if at_key else self.values.get(path)
        return found if found is not None or not path else self.span(path[:-1])


def read_yaml(text: str, file: str) -> Source:
    """Read one document. Never raises: whatever is wrong is in `problems`."""
    source, too_deep, node = Source(file, text), None, None
    try:
        # Composed and not loaded: nodes still have their marks and their repeated keys. A second document in the file is an error as well:
        # nobody would look at it.
        too_deep = _too_deep(text)
        node = yaml.compose(text, Loader=_LOADER) if too_deep is None else None
    except yaml.MarkedYAMLError as error:
        source.readable = False
        source.problems.append(_syntax_problem(source, error))
    except yaml.reader.ReaderError as error:
        source.readable = False
        source.problems.append(_character_problem(source, error))
    except RecursionError:  # of the composer in Python
        too_deep = Span(1, 1)
    if too_deep is not None:
        source.readable = False
        source.problems.append(source.problem(too_deep, "nested too deeply"))
    if node is not None:
        source.value = _Reading(source).value(node, ())
    return source


def _too_deep(text: str) -> Span | None:
    """Where the text is deeper than can be composed."""
    if text.count("[") + text.count("{") < _FEW_BRACKETS and max(map(len, text.splitlines()), default=0) < _SHORT_LINE:
        return None
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST_COMPOSED:
            return _span_at(event.start_mark)
    return None


class _Reading:
    """The walk through the composed nodes."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._seen: set[int] = set()
        self._repeated = 0

    def value(self, node: yaml.Node, path: Path) -> Any:
        """The plain value of a node; places and problems go to the source."""
        # Noted before anything is objected to, since a problem with this value is shown at this place.
        self._source.values[path] = span = _span_of(node)
        objection = self._objection(node, path)
        if objection:
            self._source.left_out.add(path)
            if self._repeated <= _MOST_REPEATED + 1:  # beyond that, one bomb has a thousand fragments
                self._refuse(span, objection)
            return None
        match node:
            case yaml.ScalarNode():
                # A style is a quote or a block: what stands so is a text, whatever it looks like. So one writes a backend whose id is "2".
                return node.value if node.style else plain_scalar(node.value)
            case yaml.SequenceNode():
                return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
            case _:
                return dict(self._items(node, path))

    def _items(self, mapping: yaml.Node, path: Path) -> Iterator[tuple[str, Any]]:
        first: dict[str, Span] = {}
        for key, value in mapping.value:
            span = _span_of(key)
            # YAML allows any node as a key, and a list could not even be one of a dict of ours.
            if not isinstance(key, yaml.ScalarNode):
                self._refuse(span, "a key is a word, not a list or a mapping")
            # Merge keys are of YAML 1.1. Taken as a plain key it would be "unknown", which says nothing to somebody whose other tools know it.
            elif key.value == "<<" and not key.style:
                self._refuse(span, 'YAML 1.2 has no merge keys ("<<"): write the keys out')
            # The first one stays, but that has no meaning: the file is refused. YAML 1.2 section 3.2.1.1 wants keys unique, and whichever a reader
            # chooses, an edit of the other would have no effect and nobody would be told.
            elif key.value in first:
                self._refuse(span, f'the key "{key.value}" was given in line {first[key.value].line} already', "said-twice")
            else:
                first[key.value] = self._source.keys[(*path, key.value)] = span
                yield key.value, self.value(value, (*path, key.value))

    def _objection(self, node: yaml.Node, path: Path) -> str:
        # A tag is the one way in which a YAML file could ask a reader to build what it does not expect.
        if node.tag not in _CORE_TAGS:
            return f"the tag {node.tag.replace(_CORE, '!!')} means nothing here"
        if len(path) > _DEEPEST:
            return "nested too deeply (does an alias refer to what it stands in?)"
        # An alias gives the very node again, and the composed tree keeps all nodes alive, so that no `id` is used twice in one reading.
        self._repeated += id(node) in self._seen
        self._seen.add(id(node))
        return f"aliases repeat more than {_MOST_REPEATED} values" if self._repeated > _MOST_REPEATED else ""

    def _refuse(self, span: Span, message: str, code: str = "not-yaml") -> None:
        self._source.problems.append(replace(self._source.problem(span, message), code=code))


def plain_scalar(text: str) -> bool | int | float | str | None:
    """What an unquoted word means: nothing, a truth value, a decimal number, or the text itself."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    unsigned = text[1:] if text.startswith(("-", "+")) else text
    whole, point, rest = unsigned.partition(".")
    # 0644 is 420 in YAML 1.1 and 644 in 1.2: whoever writes it means the one or the other, and gets an error instead of a guess.
    octal_looking = len(whole) > 1 and whole.startswith("0")
    if not whole or octal_looking or len(unsigned) > _LONGEST_NUMBER or not _DIGITS.issuperset(whole + rest):
        return text
    # No exponents, underscores, infinities and NaN: no setting needs them, and what is no number here is refused where one is expected.
    number = float(text) if point else int(text)
    return number if abs(number) <= _LARGEST else text


def _span_of(node: yaml.Node) -> Span:
    start, end = node.start_mark, node.end_mark
    # A mapping or list is pointed at by its first character: underlining a whole line says nothing.
    whole = isinstance(node, yaml.ScalarNode) and start.line == end.line
    return Span(start.line + 1, start.column + 1, max(1, end.column - start.column) if whole else 1)


def _span_at(mark: Any) -> Span:
    return Span(mark.line + 1, mark.column + 1)


def _syntax_problem(source: Source, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark
    assert mark is not None, "PyYAML marks what it cannot read"
    span = _span_at(mark)
    problem = source.problem(span, f"not YAML: {_what_happened(error, mark)}")
    return source.problem(span, problem.message, expected=_what_helps(problem))


def _what_happened(error: yaml.MarkedYAMLError, mark: yaml.Mark) -> str:
    if error.context is None:
        return f"{error.problem}"
    # PyYAML says either where it was ("while parsing a block mapping") or the first half of a sentence ("expected a single document in the stream").
    if not error.context.startswith("while"):
        return f"{error.context}, {error.problem}"
    began = error.context_mark
    since = f" that begins in line {began.line + 1}" if began is not None and began.line < mark.line else ""
    return f"{error.problem} ({error.context}{since})"


def _what_helps(problem: Problem) -> str:
    """The usual cause, where the character at the place gives it away."""
    # Guessed from the character, as PyYAML's words name its own rules: "did not find expected alphabetic or numeric character" is said of a star
    # in a hostname, which is what most of those meant who see it.
    at, before = problem.text[problem.column - 1 : problem.column], problem.text[: problem.column - 1]
    if at == "*" or before.endswith("*"):
        return 'a star in quotes, as in "*.example.com": alone it begins an alias in YAML'
    if at == ":" and before.endswith("["):
        return 'an IPv6 address in quotes, as in "[::1]:8080": alone it begins a list in YAML'
    if at == "\t":
        return "spaces: YAML is not indented by tabs"
    if at in ("@", "`", "%"):
        return f'quotes around a text that begins with "{at}"'
    if "mapping values are not allowed" in problem.message:
        return 'quotes around a text that holds ": ", or the same indentation as the line above'
    return ""


def _character_problem(source: Source, error: yaml.reader.ReaderError) -> Problem:
    # `position` counts bytes in one of PyYAML's readers and characters in the other; the character is the first of its kind.
    before = source.text[: source.text.index(chr(error.character))]
    span = Span(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
    return source.problem(span, f"the character U+{error.character:04X} is not allowed in YAML")
