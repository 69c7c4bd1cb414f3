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
    start = 0 if since is None and no_follow else since
    with conversation() as client:
        for event in client.events(since=start, follow=not no_follow):
            click.echo(msgspec.json.encode(event).decode() if as_json else _line(event))


def _line(event: Event) -> str:
    when = datetime.fromtimestamp(event.when, UTC).astimezone().strftime("%H:%M:%S")
    return f"{event.number:>6}  {when}  {event.kind:<22}  {event.message}"
