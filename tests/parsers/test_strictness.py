from pathlib import Path

from fuzz.strictness import text

PAGE = Path(__file__).parent.parent.parent / "docs" / "parsers" / "strictness.md"


def test_the_strictness_page_is_made_of_the_tables_that_the_program_uses() -> None:
    assert PAGE.read_text() == text(), "run: python -m fuzz.strictness > docs/parsers/strictness.md"
