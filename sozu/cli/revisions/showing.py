"""What `plan`, `apply` and every `--dry-run` show: a row for each object that would change, then what they come to."""

from collections.abc import Iterable, Mapping
from typing import Any

import click
import msgspec

from sozu.cli.listing import show_json
from sozu.command.answers import Answer
from sozu.command.planning.changes import Alteration
from sozu.command.planning.shadows import Shadow


def show_plan(rows: Iterable[Mapping[str, Any]], final: Answer, notes: Iterable[str] = (), *, as_json: bool = False) -> None:
    """Print it: changes on standard output, what deserves a second look on standard error."""
    if as_json:
        show_json({**final.data, "changes": list(rows), "notes": list(notes)})
        return
    # Back into the master's own type, which knows how a row reads: the words are in one place for tools and logs.
    for row in msgspec.convert(list(rows), list[Alteration]):
        click.echo(str(row))
    click.echo(final.message)
    # No error, so it stops nothing, and is not among what is piped on.
    for shadow in msgspec.convert(final.data["shadowed"], list[Shadow]):
        click.echo(f"warning: {shadow}", err=True)
    for note in notes:
        click.echo(f"note: {note}", err=True)


def rows_of(answers: Iterable[Answer]) -> list[dict[str, Any]]:
    """The rows in the answers to a `dry_run`."""
    return [row for answer in answers for row in answer.data["changes"]]
