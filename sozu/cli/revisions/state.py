"""`sozu state …`: the configuration that is in force, to keep and to put back."""

import json
from pathlib import Path
import stat

import click

from sozu.cli.conversation import collect, conversation, converse, order
from sozu.cli.listing import presentable, show_json
from sozu.cli.options import json_option, socket_option
from sozu.cli.revisions.showing import rows_of, show_plan
from sozu.command.requests import DumpState, LoadState, SaveState

NEW = click.Path(dir_okay=False, path_type=Path)
SAVED = click.Path(exists=True, dir_okay=False, path_type=Path)


def _for_the_master(_context: click.Context, _parameter: click.Parameter, file: Path) -> Path:
    """What a shell calls /dev/fd/63 is another pipe to the master, or none."""
    if (file.exists() or file.is_symlink()) and not stat.S_ISREG(file.lstat().st_mode):
        raise click.BadParameter(f"{file} has to be a regular file, as the master opens it: no pipe, no link")
    return file


@click.group()
@socket_option
def state() -> None:
    """
    Save, load or show the configuration that is in force.

    \b
    Example:
      sozu state save before.state
    """


@state.command()
@click.argument("file", type=NEW, callback=_for_the_master)
@socket_option
def save(file: Path) -> None:
    """
    Have the master write its state to a file of mode 0600, whole or not at all.

    \b
    Example:
      sozu state save before.state
    """
    # Written by the master, since no answer has keys in it; absolute, because it stands in another folder than the user.
    click.echo(converse(SaveState(path=str(file.absolute()))).message)


@state.command()
@click.argument("file", type=SAVED, callback=_for_the_master)
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@socket_option
def load(file: Path, *, dry_run: bool) -> None:
    """
    Make what was saved the whole configuration again, as one transaction. A journal can be loaded too: its last revision.

    \b
    Examples:
      sozu state load before.state --dry-run
      sozu state load before.state
    """
    # The master reads it itself, with the keys that it holds; `dry_run` shows what the same request would do.
    request = LoadState(path=str(file.absolute()), dry_run=dry_run)
    if not dry_run:
        order(request)
        return
    with conversation() as client:
        *some, final = client.ask(request)
    show_plan(rows_of(some), final)


@state.command()
@json_option
@socket_option
def show(*, as_json: bool) -> None:
    """
    Show the orders that build the state, one JSON object a line, without private keys. With --json all are one list.

    \b
    Example:
      sozu state show
    """
    # The master has left keys out already. Who reads this line should not have to believe that.
    orders = [presentable(each) for part in collect(DumpState()) for each in part["orders"]]
    if as_json:
        show_json(orders)
    else:
        for each in orders:
            click.echo(json.dumps(each))
