"""The examples of docs/parsers run: all ```python blocks of a page, one after the other, as one program."""

from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).parent.parent.parent / "docs" / "parsers").glob("*.md"))


def program(page: Path) -> str:
    """The page's blocks at their own line numbers, so that a failure names the line of the page."""
    lines, inside = [], False
    for line in page.read_text().splitlines():
        if line.startswith("```"):
            inside = line == "```python"
            lines.append("")
        else:
            lines.append(line if inside else "")
    return "\n".join(lines)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_of_a_page_do_what_they_say(page: Path) -> None:
    exec(compile(program(page), str(page), "exec"), {"__name__": page.stem})


def test_the_first_pages_have_examples() -> None:
    assert all("assert" in program(page) for page in PAGES if page.stem in {"index", "making_a_parser"})
