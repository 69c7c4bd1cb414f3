"""`sozu upgrade`: bring the proxy to the code on disk, while it serves."""

import click

from sozu.cli.conversation import converse
from sozu.cli.options import socket_option
from sozu.command.requests import UpgradeMaster, UpgradeWorker


@click.command()
@click.option("--worker", type=click.IntRange(0), metavar="ID", help="Replace this worker alone.")
@click.option("--grace", type=click.FloatRange(0), metavar="SECONDS", default=10.0, show_default=True, help="How long sessions of a replaced worker may take to end.")
@socket_option
def upgrade(worker: int | None, grace: float) -> None:
    """
    Bring the master, which keeps its pid, and each worker to the code on disk; no connection is lost.

    New code that crashes, hangs or exits at its start changes nothing. This command may be interrupted: the upgrade goes on.

    \b
    Examples:
      sozu upgrade
      sozu upgrade --worker 0
      sozu upgrade --grace 300
    """
    request = UpgradeMaster(grace=grace) if worker is None else UpgradeWorker(worker=worker, grace=grace)
    # Without a limit of ours: workers follow one slot after the other, and who gives up waiting stops nothing.
    click.echo(converse(request, within=None).message)
