from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.command.edits.facts import HeaderEdit
from sozu.proxy.edits.heads import LineEdits, below, with_prefix

Lines = list[tuple[str, str]]
names = st.sampled_from(["X-A", "x-a", "X-AB", "Vary", "b"])
values = st.sampled_from(["", "1", "x-a: 2", "a b"])
edits = st.lists(
    st.one_of(
        st.builds(HeaderEdit, set=names, value=values), st.builds(HeaderEdit, add=names, value=values), st.builds(HeaderEdit, remove=names)
    ),
    max_size=5,
)


def one_by_one(lines: Lines, changes: list[HeaderEdit]) -> Lines:
    for edit in changes:
        gone = edit.set if edit.set is not None else edit.remove
        lines = [line for line in lines if gone is None or line[0].lower() != gone.lower()]
        come = edit.set if edit.set is not None else edit.add
        lines = lines if come is None else [*lines, (come, edit.value)]
    return lines


def section(lines: Lines) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in lines).encode()


@given(st.lists(st.tuples(names, values), max_size=6), edits)
def test_lines_are_edited_as_a_list_of_fields_would_be(lines: Lines, changes: list[HeaderEdit]) -> None:
    assert LineEdits(changes).apply(section(lines)) == section(one_by_one(lines, changes))
    assert bool(LineEdits(changes)) == bool(changes)


@pytest.mark.parametrize(
    ("prefix", "other", "target", "expected"),
    [
        (b"/app", b"/", b"/app", b"/"),
        (b"/app", b"/", b"/app/", b"/"),
        (b"/app", b"/", b"/app?q", b"/?q"),
        (b"/app", b"/", b"/app//x", b"//x"),
        (b"/app/", b"/", b"/app/x", b"/x"),
        (b"/app", b"/b", b"/app", b"/b"),
        (b"/app", b"/b/", b"/app/x", b"/b/x"),
        (b"/", b"/b", b"/x", b"/b/x"),
        (b"/", b"/", b"/x?y", b"/x?y"),
        (b"/", b"/b", b"*", b"*"),
        (b"/%C3%BC", b"/u", b"/%c3%bc/x", b"/u/x"),
    ],
)
def test_another_prefix_takes_the_place_of_the_one_that_matched(prefix: bytes, other: bytes, target: bytes, expected: bytes) -> None:
    assert with_prefix(prefix, other, target) == expected


@pytest.mark.parametrize(("target", "rest"), [(b"/app", b"/"), (b"/app/x", b"/x"), (b"/app?q", b"/?q"), (b"/app//x", b"//x")])
def test_the_rest_of_a_path_begins_with_a_slash(target: bytes, rest: bytes) -> None:
    assert below(b"/app", target) == rest
