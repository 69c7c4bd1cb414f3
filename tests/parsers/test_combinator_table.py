"""The rows of docs/parsers/choosing_a_combinator.md: call, input, outcome."""

from collections.abc import Iterator
from pathlib import Path
import re
from typing import Any

import pytest

from sozu import parsers
from sozu.parsers import Done, Error, Incomplete, abnf, choices, run

PAGE = Path(__file__).parent.parent.parent / "docs" / "parsers" / "choosing_a_combinator.md"
ROW = re.compile(r"\| `(.+)` \| `(.+)` \| `(.+)` \|")
NAMES: dict[str, Any] = {
    **vars(abnf),
    **vars(choices),
    **{name: getattr(parsers, name) for name in parsers.__all__},
    "is_even": lambda number: number % 2 == 0,
}
OUTCOMES: dict[str, Any] = {
    "Done": lambda rest, value: ("done", rest, value),
    "Error": lambda position: ("error", position),
    "Incomplete": lambda needed: ("incomplete", needed),
}
TEXT = PAGE.read_text()
ROWS = [tuple(cell.replace("\\|", "|") for cell in row) for row in ROW.findall(TEXT)]


def told(outcome: Any) -> tuple[Any, ...]:
    match outcome:
        case Done(rest, value):
            return "done", rest, value
        case Error(position):
            return "error", position
    assert isinstance(outcome, Incomplete)
    return "incomplete", outcome.needed.hint()


def lines_of_tables() -> Iterator[str]:
    return (line for line in TEXT.splitlines() if line.startswith("| `"))


@pytest.mark.parametrize(("call", "data", "outcome"), ROWS)
def test_a_row_says_what_happens(call: str, data: str, outcome: str) -> None:
    assert told(run(eval(call, NAMES), eval(data, NAMES))) == eval(outcome, OUTCOMES)


def test_every_row_is_read() -> None:
    assert len(ROWS) == len(list(lines_of_tables()))


@pytest.mark.parametrize("name", [name for name in parsers.__all__ if name[0].islower() and name not in {"run", "explain"}])
def test_every_combinator_is_on_the_page(name: str) -> None:
    assert f"`{name}" in TEXT or f"{name}(" in TEXT
