from html import escape

import pytest

from sozu.command.edits.templates import BadTemplate, read_template

PLACES = ("host", "path")


@pytest.mark.parametrize(
    ("written", "filled"),
    [
        ("", b""),
        ("https://x/", b"https://x/"),
        ("https://{host}{path}!", b"https://a.b/<x>!"),
        ("{{host}} {host}", b"{host} a.b"),
        ("\u00fc{path}", b"\xc3\xbc/<x>"),
    ],
)
def test_a_template_is_filled(written: str, filled: bytes) -> None:
    assert read_template(written, PLACES).fill({"host": b"a.b", "path": b"/<x>"}) == filled


def test_what_is_filled_in_is_escaped_and_what_is_written_is_not() -> None:
    template = read_template("<b>{path}</b>", PLACES)

    assert template.fill({"path": b"<x>"}, lambda value: escape(value.decode()).encode()) == b"<b>&lt;x&gt;</b>"


@pytest.mark.parametrize(
    ("written", "why"),
    [("{hots}", 'did you mean "host"?; there are {host}, {path}'), ("a{", "byte 3: expected"), ("a}", "written twice"), ("{}", "name"), ("{a b}", "'}'")],
)
def test_what_is_no_template_says_why(written: str, why: str) -> None:
    with pytest.raises(BadTemplate) as refused:
        read_template(written, PLACES)

    assert why in str(refused.value)
