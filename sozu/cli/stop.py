"""`sozu stop`: let the sessions end, or end them."""

import click

from sozu.cli.conversation import converse
from sozu.cli.options import socket_option
from sozu.command.requests import HardStop, SoftStop


@click.command()
@click.option("--hard", is_flag=True, help="At once: sessions are cut.")
@click.option("--grace", type=click.FloatRange(0), metavar="SECONDS", default=10.0, show_default=True, help="How long sessions may take to end.")
@socket_option
def stop(grace: float, *, hard: bool) -> None:
    """
    Stop the proxy: accept no more, let the exchanges under way end within the grace, then exit.

    \b
    Examples:
      sozu stop
      sozu stop --grace 60
      sozu stop --hard
    """
    # The answer comes when all have ended, which may take the whole grace, and some seconds more until those are killed who did not heed it.
    answer = converse(HardStop()) if hard else converse(SoftStop(grace=grace), within=grace + 30)
    click.echo(answer.message)
