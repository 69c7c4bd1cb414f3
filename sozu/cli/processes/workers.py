"""`sozu workers`: more or fewer of them."""

import click

from sozu.cli.conversation import converse
from sozu.cli.options import socket_option
from sozu.command.requests import SetWorkers


@click.command()
@click.argument("count", type=click.IntRange(1))
@click.option("--grace", type=click.FloatRange(0), metavar="SECONDS", default=10.0, show_default=True, help="How long sessions of a worker that goes may take to end.")
@socket_option
def workers(count: int, grace: float) -> None:
    """
    Have so many workers from now on; no connection is lost.

    \b
    Examples:
      sozu workers 4
      sozu workers 1 --grace 60
    """
    # Without a limit of ours, as with `upgrade`: those that go have their grace, and the master bounds it.
    click.echo(converse(SetWorkers(count=count, grace=grace), within=None).message)
