"""Verbs that remove something wait until the last of what it had has ended; `--no-wait` and `--timeout` say otherwise."""

from collections.abc import Callable
from typing import Any, TypeVar

import click
import msgspec

from sozu.cli.conversation import order, show_news
from sozu.command.orders import RemoveBackend, RemoveCluster, RemoveListener

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def waiting_options(command: Decorated) -> Decorated:
    """Give a verb `--no-wait` and `--timeout`."""
    command = click.option(
        # 0 would not be "at once", which is `--no-wait`, but a wait that fails before the first answer.
        "--timeout", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="Stop waiting after this long; else never."
    )(command)
    return click.option("--no-wait", is_flag=True, help="Answer once committed, while exchanges may still run.")(command)


def remove_and_wait(change: RemoveBackend | RemoveCluster | RemoveListener, timeout: float | None, *, no_wait: bool) -> None:
    """Send the order and say what became of it. Who stops waiting changes nothing, and may ask again."""
    if no_wait:
        order(change)
    else:
        # No limit unless one is named, since a tunnel or a download may last for days, and nobody but the user knows what that is worth to him.
        # News is heard here, unlike with other orders: who waits wants to see for what.
        order(msgspec.structs.replace(change, wait=True), within=timeout, hear=show_news)
