"""Pages of the proxy's own answers, from the file to the facts."""

from pathlib import Path

import pytest

from sozu.command.config import ConfigurationError
from sozu.command.config.loading import Configuration, read_configuration
from sozu.command.edits.facts import AnswerPage, User
from sozu.command.rules.answers import LARGEST_PAGE


def read(text: str, folder: Path) -> Configuration:
    return read_configuration(text, "f.yaml", folder)


def errors(text: str, folder: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        read(text, folder)
    return [problem.message for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("name", "media"),
    [("page.html", "text/html; charset=utf-8"), ("page.json", "application/json"), ("page", "text/plain; charset=utf-8")],
)
def test_a_page_may_stand_in_a_file_whose_name_says_what_it_is(tmp_path: Path, name: str, media: str) -> None:
    (tmp_path / name).write_text("\ufeff{status}: ü")
    pages = read(f"answers: [{{status: 404, file: ./{name}}}]", tmp_path).settings.answers

    assert pages == (AnswerPage(status=404, body="{status}: ü", type=media),)


def test_pages_stand_in_the_order_of_their_statuses_wherever_they_are(tmp_path: Path) -> None:
    pages = "answers: [{status: 503, body: b, type: text/x}, {status: 404, body: a}]"
    listeners = f'listeners: [{{protocol: http, address: "127.0.0.1:80", {pages}}}]'
    found = read(f"{pages}\n{listeners}\nclusters: {{blog: {{{pages}}}}}", tmp_path)
    expected = (AnswerPage(status=404, body="a"), AnswerPage(status=503, body="b", type="text/x"))

    assert found.settings.answers == expected
    assert found.state.listeners["127.0.0.1:80"].answers == expected
    assert found.state.clusters["blog"].answers == expected


def test_a_file_that_is_no_page_says_why(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes("ü".encode("latin-1"))
    (tmp_path / "large").write_bytes(b"x" * (LARGEST_PAGE + 1))

    assert errors("answers: [{status: 404, file: latin}]", tmp_path) == [f"{tmp_path}/latin is not UTF-8"]
    assert errors("answers: [{status: 404, file: large}]", tmp_path) == [f"a page has at most {LARGEST_PAGE} bytes"]
    (tmp_path / "long").write_bytes(b"\xef\xbb\xbfx" + "ü".encode() * LARGEST_PAGE)
    assert errors("answers: [{status: 404, file: long}]", tmp_path) == [f"a page has at most {LARGEST_PAGE} bytes"]
    (tmp_path / "cut").write_bytes("ü".encode()[:1])
    assert errors("answers: [{status: 404, file: cut}]", tmp_path) == [f"{tmp_path}/cut is not UTF-8"]
    (tmp_path / "full").write_bytes(b"\xef\xbb\xbf" + b"x" * LARGEST_PAGE)
    assert len(read("answers: [{status: 404, file: full}]", tmp_path).settings.answers[0].body) == LARGEST_PAGE
    assert errors("answers: [{status: 404, file: .}]", tmp_path) == [f"{tmp_path} cannot be read: Is a directory"]


@pytest.mark.parametrize(
    ("page", "why"),
    [("status: 200, body: x", "the proxy itself answers with 400"), ("status: 404, body: x, type: html", "is no media type"), ('status: 404, body: "{x}"', 'no place "{x}"')],
)
def test_a_page_that_makes_no_sense_is_refused_in_the_settings_too(tmp_path: Path, page: str, why: str) -> None:
    (message,) = errors(f"answers: [{{{page}}}]", tmp_path)

    assert why in message


def test_a_user_is_shown_without_the_hash() -> None:
    assert repr(User(name="ali", hash="$secret")) == "User('ali')"
