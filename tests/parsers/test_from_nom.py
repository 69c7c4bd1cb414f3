"""The translation table of docs/parsers/from_nom.md: what stands in the right column is code of ours that works."""

from pathlib import Path
import re
from typing import Any

from parsy import Parser
import pytest

import sozu.parsers
from sozu.parsers import Complete, Done, Error, Incomplete, run

PAGE = (Path(__file__).parent.parent.parent / "docs" / "parsers" / "from_nom.md").read_text()
ROWS = re.findall(r"^\| .*`.* \| `(.*?)(?<!\\)` \| .*\|$", PAGE, re.MULTILINE)
ELSEWHERE = {"KINDS", "Fused", "Regular", "explain", "fuse", "trimmed"}


def scope() -> dict[str, Any]:
    """The names that the page defines."""
    names: dict[str, Any] = {}
    exec(PAGE.split("```python\n")[1].split("```")[0], names)
    return names


NAMES = scope()


@pytest.mark.parametrize("code", ROWS)
def test_the_right_column_is_code_that_works(code: str) -> None:
    made = eval(code.replace("\\|", "|"), NAMES)

    if isinstance(made, Parser):
        for given in (b"a,b", b"b", Complete(b"")):
            assert isinstance(run(made, given), Done | Error | Incomplete)


def test_every_public_name_is_somewhere_in_it() -> None:
    assert len(ROWS) >= 50
    assert set(sozu.parsers.__all__) - ELSEWHERE - set(re.findall(r"\w+", " ".join(ROWS))) == set()
