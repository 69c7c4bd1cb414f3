"""`sozu apply FILE`: become what a file says, as one transaction."""

from pathlib import Path

import click

from sozu.cli.check import FILE
from sozu.cli.conversation import conversation, tell_outcome
from sozu.cli.options import json_option, socket_option
from sozu.cli.revisions.showing import show_plan
from sozu.cli.revisions.target import target_of


@click.command()
@click.argument("file", type=FILE)
@click.option("--dry-run", is_flag=True, help="Only show what would change: the same as `plan`.")
@json_option
@socket_option
def apply(file: Path, *, dry_run: bool, as_json: bool) -> None:
    """
    Make a configuration file the whole configuration, in one transaction: what it does not say goes.

    Exactly what is shown is done: when somebody else commits in between, nothing is.

    \b
    Examples:
      sozu apply sozu.yaml --dry-run
      sozu apply sozu.yaml
    """
    with conversation() as client:
        # Before the transaction: a file with errors has nothing to abandon then.
        orders, notes = target_of(file, client)
        with client.transaction() as transaction:
            transaction.orders(orders)
            transaction.whole = True
            rows, final = transaction.plan()
            # What ties the commit to the plan: if somebody commits between the two, the plan is not what would happen, and the master refuses.
            transaction.if_revision = final.data["revision"]
            # Before the block ends, since its end commits.
            if dry_run:
                transaction.abandon()
    # After the commit: rows that are shown as done are done. If it was refused the exception has left, and nothing is shown but why.
    show_plan(rows, final, notes, as_json=as_json)
    if not dry_run:
        tell_outcome(transaction.outcome)
