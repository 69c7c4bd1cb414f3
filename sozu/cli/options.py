"""What verbs share: `--socket`, which may stand before or after the verb, and `--json` of every listing."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
_SOCKET = "sozu.cli.socket"


def _remember(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    # click shares `meta` between the contexts of one call, and parses from the outside in: the one nearest to the verb wins.
    if value is not None:
        ctx.meta[_SOCKET] = value


def socket_option(command: Decorated) -> Decorated:
    """Give a verb, or a group of verbs, the option `--socket PATH`."""
    return click.option(
        "--socket",
        metavar="PATH",
        # Each verb would have to take it as an argument and pass it on, and the one that forgot would talk to the wrong master.
        expose_value=False,
        callback=_remember,
        help="The command socket; else $SOZU_SOCKET, ./sozu.sock, or the user's runtime folder.",
    )(command)


def json_option(command: Decorated) -> Decorated:
    """Give a listing the flag `--json`, passed on as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def chosen_socket() -> str | None:
    """The path that `--socket` gave in this call, if it was given."""
    path: str | None = click.get_current_context().meta.get(_SOCKET)
    return path
