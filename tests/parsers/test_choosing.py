"""The tables of docs/parsers/choosing_a_combinator.md: what each cell says is so, and nothing public is missing."""

from pathlib import Path
import re
from typing import Any

import pytest

import sozu.parsers
from sozu.parsers import Done, Error, Incomplete, Regular, fuse, run

PAGE = (Path(__file__).parent.parent.parent / "docs" / "parsers" / "choosing_a_combinator.md").read_text()
ROWS = [re.split(r" ?(?<!\\)\| ?", line)[1:-1] for line in PAGE.splitlines() if re.search(r"\| (yes|no) \|", line)]
ELSEWHERE = {"KINDS", "Complete", "Done", "Error", "Fused", "Incomplete", "Needed", "Outcome", "Regular"}


def scope() -> dict[str, Any]:
    """The names that the tables use, as the page defines them."""
    names: dict[str, Any] = {}
    exec(PAGE.split("```python\n")[1].split("```")[0], names)
    return names


NAMES = scope()


def code(cell: str) -> Any:
    """The value of `a piece of code`."""
    return eval(cell.strip("`").replace("\\|", "|"), NAMES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_parser_says_what_its_row_says(row: list[str]) -> None:
    usage, done, error, incomplete, fuses, meaning = row
    parser = code(usage)
    given, value = done.split(" → ")
    outcome = run(parser, code(given))
    assert isinstance(outcome, Done)
    assert outcome.value == code(value)
    if error != "never":
        given, position = error.split(" at ")
        outcome = run(parser, code(given))
        assert isinstance(outcome, Error)
        assert outcome.position == int(position)
    if incomplete != "never":
        given, size = incomplete.split(", ")
        outcome = run(parser, code(given))
        assert isinstance(outcome, Incomplete)
        assert outcome.needed.hint() == int(size)
    assert isinstance(parser, Regular) == (fuses == "yes")
    assert meaning


@pytest.mark.parametrize("row", [row for row in ROWS if row[4] == "yes"], ids=lambda row: row[0])
def test_a_parser_that_fuses_says_the_same_fused(row: list[str]) -> None:
    parser = code(row[0])
    for cell in row[1:4]:
        if cell != "never":
            given = code(re.split(r" → | at \d|, \d$", cell)[0])
            assert type(run(fuse(parser), given)) is type(run(parser, given))


def test_every_public_leaf_and_combinator_has_its_row() -> None:
    shown = {name for row in ROWS for name in re.findall(r"\w+", row[0])}
    called = set(re.findall(r"^\| `(\w+)\(", PAGE, re.MULTILINE))

    assert set(sozu.parsers.__all__) - ELSEWHERE - shown - called == set()
