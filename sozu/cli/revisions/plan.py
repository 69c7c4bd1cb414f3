"""`sozu plan FILE`: what `apply` would change, and nothing is changed."""

from pathlib import Path

import click

from sozu.cli.check import FILE
from sozu.cli.conversation import conversation
from sozu.cli.options import json_option, socket_option
from sozu.cli.revisions.showing import show_plan
from sozu.cli.revisions.target import target_of


@click.command()
@click.argument("file", type=FILE)
@json_option
@socket_option
def plan(file: Path, *, as_json: bool) -> None:
    """
    Show what `apply FILE` would change: + comes, - goes, ~ changes; and frontends that could never match.

    \b
    Example:
      sozu plan sozu.yaml
    """
    with conversation() as client:
        orders, notes = target_of(file, client)
        with client.transaction() as transaction:
            transaction.orders(orders)
            transaction.whole = True
            rows, final = transaction.plan()
            # A plan is a transaction that is not committed: the master rehearses the very orders that `apply` would send, by the very code.
            transaction.abandon()
    show_plan(rows, final, notes, as_json=as_json)
