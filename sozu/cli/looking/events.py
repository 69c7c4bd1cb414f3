"""`sozu events`: what happens to the proxy, as it happens."""

from datetime import UTC, datetime

import click
import msgspec

from sozu.cli.conversation import conversation
from sozu.cli.options import json_option, socket_option
from sozu.command.events import Event


@click.command()
@click.option("--since", type=click.IntRange(0), metavar="N", help="Begin after event N; 0 is the first one that is still known.")
@click.option("--no-follow", is_flag=True, help="End with the last event that there is.")
@json_option
@socket_option
def events(since: int | None, *, no_follow: bool, as_json: bool) -> None:
    """
    Show events: revisions, listeners, backends that go down, come up or have drained, workers that end and begin.

    With --json each is one line of JSON. It goes on until it is interrupted.

    \b
    Examples:
      sozu events
      sozu events --since 0 --no-follow --json
    """
    # Without a number only what is to come is told, and without what is to come that would be nothing at all.
    start = 0 if since is None and no_follow else since
    # The patience of a conversation does not count here: `events` has a connection of its own, on which a day may pass between two events.
    with conversation() as client:
        # A line each, flushed as it comes: who watches through a pipe (`| grep`, `| jq`) sees it now and not in blocks of 8 kB.
        for event in client.events(since=start, follow=not no_follow):
            click.echo(msgspec.json.encode(event).decode() if as_json else _line(event))


def _line(event: Event) -> str:
    # In the time of whoever looks; the master tells seconds since 1970, and --json passes those on.
    when = datetime.fromtimestamp(event.when, UTC).astimezone().strftime("%H:%M:%S")
    return f"{event.number:>6}  {when}  {event.kind:<22}  {event.message}"
