from pathlib import Path
from typing import Any

import click
import pytest

from sozu.cli.options import _SOCKET
from sozu.cli.processes import starting
from sozu.cli.program import program
from sozu.cli.serve import LISTEN
from sozu.command.config import Configuration
from sozu.command.settings import Settings


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def begun(monkeypatch: pytest.MonkeyPatch, text: str | None, routes: tuple[str, ...] = (), **options: str | None) -> Settings:
    """The settings that a master would begin with, in the working directory."""
    seen: list[Settings] = []

    def master(configuration: Configuration, *_: object, **__: Any) -> int:
        seen.append(configuration.settings)
        return 0

    monkeypatch.setattr(starting, "be_master", master)
    monkeypatch.setenv("SOZU_SOCKET", options.get("variable") or "")
    file = None if text is None else Path("sozu.yaml")
    if file is not None and text is not None:
        file.write_text(text)
    with click.Context(program) as context:
        if socket := options.get("socket"):
            context.meta[_SOCKET] = socket
        starting.start(file, routes, LISTEN, None, [], file_wins=False, demo=False)
    return seen[0]


@pytest.mark.parametrize(
    ("text", "socket", "variable", "names"),
    [
        ("workers: 1\n", None, None, ("sozu.sock", "sozu.journal")),
        ("workers: 1\n", "other.sock", None, ("other.sock", "other.journal")),
        ("workers: 1\n", None, "named.sock", ("named.sock", "named.journal")),
        ("workers: 1\n", "other.sock", "named.sock", ("other.sock", "other.journal")),
        ("command_socket: mine.sock\n", None, "named.sock", ("mine.sock", "mine.journal")),
        ("command_socket: mine.sock\n", "other.sock", None, ("other.sock", "other.journal")),
        ("journal: sozu.journal\n", "other.sock", None, ("other.sock", "sozu.journal")),
        (None, None, None, ("sozu.sock", "sozu.journal")),
        (None, "other.sock", "named.sock", ("other.sock", "other.journal")),
        (None, None, "named.sock", ("named.sock", "named.journal")),
    ],
)
def test_the_socket_is_where_tools_look_for_it_and_the_journal_beside_it(
    monkeypatch: pytest.MonkeyPatch, text: str | None, socket: str | None, variable: str | None, names: tuple[str, str]
) -> None:
    settings = begun(monkeypatch, text, socket=socket, variable=variable)

    assert (settings.command_socket, settings.journal) == tuple(str(Path.cwd() / name) for name in names)


def test_what_is_routed_on_the_command_line_keeps_its_journal_for_this_run_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = begun(monkeypatch, None, ("127.0.0.1:9001",), socket="other.sock")

    assert settings.command_socket == str(tmp_path / "other.sock")
    assert not settings.journal.startswith(str(tmp_path / "other"))
    assert not Path(settings.journal).parent.exists()
