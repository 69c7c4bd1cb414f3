"""`sozu settings …`: the limits and the log level that can be changed while the proxy serves."""

from typing import Any

import click
import msgspec
from msgspec import UNSET

from sozu.cli.conversation import order
from sozu.cli.limit_options import timeouts_in
from sozu.cli.listing import aligned, settings_in_force, show_json, timeouts_in_force
from sozu.cli.options import json_option, socket_option
from sozu.command.facts import LogLevel, Overrides
from sozu.command.orders import UpdateSettings

# From the struct itself, so that a setting which orders may change has its `--as-file` without a word here.
NAMES = Overrides.__struct_fields__


@click.group()
@socket_option
def settings() -> None:
    """
    Show or change limits and the log level while the proxy serves.

    \b
    Example:
      sozu settings set --max-connections 20000
    """


@settings.command("set")
@click.option("--max-connections", type=int, metavar="N", help="Client connections of one worker.")
@click.option("--max-body-size", type=int, metavar="BYTES", help="The largest body of a request.")
@click.option("--min-rate", type=int, metavar="BYTES", help="How many bytes a second a client has to send or take.")
@click.option("--timeout", "limits", metavar="NAME=SECONDS", multiple=True, help="request, front, back or connect; may be repeated.")
@click.option("--log-level", type=click.Choice([level.value for level in LogLevel]), help="What the proxy says of itself.")
@click.option("--as-file", type=click.Choice(NAMES), multiple=True, help="As the master's file says again; may be repeated.")
@socket_option
def set_settings(limits: tuple[str, ...], as_file: tuple[str, ...], log_level: str | None, **numbers: int | None) -> None:
    """
    Change settings for all workers at once; what is not named stays as it is. A restart keeps the change.

    \b
    Examples:
      sozu settings set --timeout back=5 --log-level debug
      sozu settings set --as-file timeouts --as-file log_level
    """
    changes: dict[str, Any] = {name: number for name, number in numbers.items() if number is not None}
    if limits:
        # The order has all four or none, so those that were not named are asked for first. Two who set different ones at the same moment
        # overwrite each other: the later one wins, and `sozu log` tells both.
        changes["timeouts"] = timeouts_in(limits, timeouts_in_force)
    if log_level is not None:
        changes["log_level"] = LogLevel(log_level)
    # None is an answer of its own: no longer changed, whatever the file says then. Hence UNSET for what stays as it is.
    changes |= dict.fromkeys(as_file)
    if not changes:
        raise click.UsageError("name a setting to change. Nothing was changed.")
    order(UpdateSettings(**{name: changes.get(name, UNSET) for name in NAMES}))


@settings.command()
@json_option
@socket_option
def show(*, as_json: bool) -> None:
    """
    Show the settings that can be changed, as they are in force now.

    \b
    Example:
      sozu settings show --json
    """
    # The others are in `status --json`: here stands what `set` could change.
    values = {name: value for name, value in msgspec.to_builtins(settings_in_force()).items() if name in NAMES}
    if as_json:
        show_json(values)
    else:
        click.echo("\n".join(aligned([{"setting": name, "value": value} for name, value in values.items()], ("setting", "value"))))
