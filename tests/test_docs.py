"""Documents and program say the same: an order, verb, setting or file without its paragraph fails here."""

from collections.abc import Iterator
from pathlib import Path
import re

import click
import msgspec
import pytest

from sozu.cli.program import VERBS, program
from sozu.command.requests import VERBS as REQUESTS
from sozu.command.requests import read_request
from sozu.command.settings import AccessLog, LogFormat, Metrics, Pool, Settings
from sozu.proxy.access_log.json_lines import Line

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
NOT_IN_A_FILE = {"welcome"}  # set by `sozu serve` itself


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text(name: str) -> str:
    return (DOCS / name).read_text()


def headings(page: str) -> set[str]:
    return {name for line in page.splitlines() if line.startswith("#") for name in re.findall(r"`([^`]+)`", line)}


@pytest.mark.parametrize("verb", REQUESTS)
def test_every_message_of_the_protocol_has_its_paragraph_with_a_sample(verb: str) -> None:
    paragraph = text("command_protocol.md").split(f"### `{verb}`\n")[1].split("\n##")[0]

    assert f'"type": "{verb}"' in paragraph


def fenced(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("sample", fenced(text("command_protocol.md"), "json"))
def test_every_sample_of_the_protocol_is_accepted_at_the_door(sample: str) -> None:
    for line in sample.splitlines():
        assert read_request(line.encode()).id


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_of_the_command_line_has_its_paragraph(verb: str) -> None:
    assert f"sozu {verb}" in headings(text("command_line.md"))


def settings() -> set[str]:
    return set(Settings.__struct_fields__) - NOT_IN_A_FILE


@pytest.mark.parametrize("name", sorted({*settings(), "listeners", "clusters", "frontends"}))
def test_every_setting_has_its_paragraph(name: str) -> None:
    assert name in headings(text("configuration.md"))


@pytest.mark.parametrize("struct", [AccessLog, Metrics, Pool])
def test_every_field_of_a_setting_is_named(struct: type[msgspec.Struct]) -> None:
    missing = [name for name in struct.__struct_fields__ if f"`{name}`" not in text("configuration.md")]

    assert missing == []


def test_every_log_format_is_named() -> None:
    assert all(f"`{name}`" in text("configuration.md") for name in LogFormat)


@pytest.mark.parametrize("key", Line.__struct_fields__)
def test_every_key_of_the_access_log_is_in_its_table(key: str) -> None:
    rows = re.findall(r"^\| (`.*?) \|", text("configuration.md"), re.MULTILINE)

    assert any(f"`{key}`" in row for row in rows)


LIVES = sorted(DOCS.glob("life_of_*.md"))


@pytest.mark.parametrize("page", LIVES, ids=shown)
def test_every_file_that_a_life_names_exists(page: Path) -> None:
    named = re.findall(r"`(sozu/[\w/]+\.py)`", page.read_text())

    assert [name for name in named if not (ROOT / name).exists()] == []
    assert len(named) >= 5


@pytest.mark.parametrize("page", LIVES, ids=shown)
def test_every_function_that_a_life_names_stands_in_the_file_beside_it(page: Path) -> None:
    named = re.findall(r"`(\w+)` in `(sozu/[\w/]+\.py)`", page.read_text())

    assert [
        (name, file)
        for name, file in named
        if not re.search(rf"^\s*(?:def|class) {name}\b", (ROOT / file).read_text(), re.MULTILINE)
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    local = [link for link in links if "://" not in link]

    assert [link for link in local if not (page.parent / link).exists()] == []


def test_every_page_is_in_the_index() -> None:
    pages = [str(page.relative_to(DOCS)) for folder in (DOCS, DOCS / "decisions") for page in folder.glob("*.md")]
    missing = [page for page in pages if page != "index.md" and f"({page})" not in text("index.md")]

    assert missing == []


def command_lines() -> Iterator[tuple[str, str]]:
    """Every line of the documents that begins with `sozu `, without its comment."""
    for page in (ROOT / "README.md", DOCS / "command_line.md", DOCS / "configuration.md"):
        for line in page.read_text().splitlines():
            if found := re.match(r"    (?:.*&& )?sozu (.*)", line):
                yield shown(page), found.group(1).split("#")[0].strip()


def command_and_rest(words: list[str]) -> tuple[click.Command, list[str]]:
    command: click.Command = program
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, words
        command, words = found, words[1:]
    return command, words


@pytest.mark.parametrize(("page", "line"), list(command_lines()))
def test_every_command_line_in_the_documents_is_understood(
    page: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("sozu.yaml", "fullchain.pem", "privkey.pem", "cert.pem", "key.pem", "chain.pem", "before.state"):
        Path(name).touch()
    command, rest = command_and_rest(line.split())

    assert command.make_context("sozu", rest), page


def test_python_in_the_readme_runs_as_it_stands() -> None:
    for sample in fenced((ROOT / "README.md").read_text(), "python"):
        exec(compile(sample, "README.md", "exec"), {})


def test_parse_proxy_and_reconfigure_take_less_than_forty_lines_of_the_readme() -> None:
    story = (ROOT / "README.md").read_text().split("\n## ")[0]

    assert len(story.splitlines()) < 40
    for word in ("**Proxy**", "**Reconfigure**", "**Parse**"):
        assert word in story


def test_the_readme_has_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text()

    assert "pip install -e '.[dev]' && sozu serve --demo" in readme
    assert "pip install -e '.[dev]' && pytest" in readme
    assert "\npip install -e '.[dev]' && pytest\n" in (ROOT / ".ci" / "run").read_text()


def test_the_lexicon_has_the_words_of_the_orders() -> None:
    words = {"listener", "frontend", "cluster", "backend", "order", "transaction", "revision", "journal", "slot", "worker"}

    assert all(f"**{word}**" in text("lexicon.md") for word in words)
