import pytest

from sozu.parsers.console.anatomy import JOINED, explained
from sozu.parsers.fuse import explain
from sozu.parsers.kinds import KINDS
from sozu.parsers.regular import Regular
from sozu.parsers.views import request_view


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_shows_a_tree_a_pattern_a_certificate_and_code(kind: str) -> None:
    text = explained(kind)
    for title in ("tree", "pattern", "certificate", "generated"):
        assert f"-- {title}\n" in text


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_kind_is_either_one_fused_grammar_or_has_its_parts_named(kind: str) -> None:
    assert isinstance(KINDS[kind], Regular) is (kind not in JOINED)


@pytest.mark.parametrize("kind", sorted(JOINED))
def test_what_joins_the_parts_comes_first_and_names_them(kind: str) -> None:
    first, _, parts = explained(kind).partition("\n== ")
    assert JOINED[kind].how in first
    for name in JOINED[kind].parts:
        assert name in first
        assert f"{name}\n-- " in parts


def test_a_view_shows_its_slots_and_both_of_its_patterns() -> None:
    text = explain(request_view)
    for title in ("slots", "cut out", "pattern, known names with a capital", "pattern, names in any case", "generated"):
        assert f"-- {title}\n" in text
