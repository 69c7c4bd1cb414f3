"""What an error in the configuration file looks like: as a compiler would show it, all of them at once. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a text: line and column from 1, and how many characters to point at."""

    line: int
    column: int
    length: int = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """One error, or what is hardly meant. `line` is 0 when the file as a whole is meant; `text` is the line itself."""

    file: str
    message: str
    line: int = 0
    column: int = 0
    length: int = 1
    text: str = ""
    expected: str = ""
    nearest: str | None = None
    code: str = "not-yaml"
    kind: str = "error"

    def render(self) -> str:
        """`file:line:column: error: … [code]` (or `warning`, without a code), the line, a caret, what was expected, the nearest name."""
        # As GNU's compilers write it: editors and terminals find the place in it and jump there.
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        # Codes are for what is refused: `sozu help CODE` tells how to mend that, and of a warning the message itself says all there is.
        code = f" [{self.code}]" if self.kind == "error" else ""
        return "\n".join([f"{place}: {self.kind}: {self.message}{code}", *self._excerpt(), *self._advice()])

    def _excerpt(self) -> list[str]:
        if not self.line:
            return []
        number = str(self.line)
        # Tabs are kept in the margin, so that the caret stands below its character in any terminal.
        margin = "".join("\t" if character == "\t" else " " for character in self.text[: self.column - 1])
        # At least one, also behind the last character of a line, where YAML finds that something is missing; at most to the end of the line.
        caret = "^" * max(1, min(self.length, len(self.text) - self.column + 1))
        return [f" {number} | {self.text}", f" {' ' * len(number)} | {margin}{caret}"]

    def _advice(self) -> list[str]:
        indent = " " * (len(str(self.line)) + 2) if self.line else " "
        expected = [f"{indent}= expected {self.expected}"] if self.expected else []
        meant = [f'{indent}= did you mean "{self.nearest}"?'] if self.nearest is not None else []
        return expected + meant


class ConfigurationError(Exception):
    """The configuration file cannot be used; `problems` are all that was found, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        # They were found in three rounds (YAML, shapes, meanings), and are mended from the top of the file. The sort is stable:
        # of two at one place the one that was found first, which may be the cause of the other, stands first.
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.column)))
        super().__init__(self._text())

    def _text(self) -> str:
        count = len(self.problems)
        found = "1 error" if count == 1 else f"{count} errors"
        return "\n\n".join([*(problem.render() for problem in self.problems), found])
