"""`sozu rollback REVISION`: say again what was said then."""

import click

from sozu.cli.conversation import conversation, order
from sozu.cli.options import socket_option
from sozu.cli.revisions.showing import rows_of, show_plan
from sozu.command.requests import Rollback


@click.command()
@click.argument("revision", type=int)
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@socket_option
def rollback(revision: int, *, dry_run: bool) -> None:
    """
    Go back to the configuration of a revision, as a new one: so it can be taken back in turn.

    \b
    Examples:
      sozu rollback 12 --dry-run
      sozu rollback 12
    """
    if not dry_run:
        # The master reads its own journal: a tool need not have the past, and what is said again is exactly what was said.
        order(Rollback(revision=revision))
        return
    with conversation() as client:
        *some, final = client.ask(Rollback(revision=revision, dry_run=True))
    show_plan(rows_of(some), final)
