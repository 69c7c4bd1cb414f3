"""`sozu frontend …`: which requests go to which cluster."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from sozu.cli.conversation import order
from sozu.cli.listing import orders_in_force, show_rows
from sozu.cli.options import json_option, socket_option
from sozu.command.orders import AddHttpFrontend, RemoveHttpFrontend

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@click.group()
@socket_option
def frontend() -> None:
    """
    Add, remove or list frontends: hostname + path -> cluster.

    \b
    Example:
      sozu frontend add blog blog.example.com
    """


def _names_a_frontend(command: Decorated) -> Decorated:
    """What `add` and `remove` both need to name one frontend."""
    for decorate in (
        click.option("--listener", metavar="ADDRESS", help="Only requests of this listener; else of all."),
        click.option("--path-exact", metavar="PATH", help="Only this very path."),
        click.option("--path", metavar="PREFIX", help="Paths below this prefix, on segment borders; else all."),
        click.argument("hostname"),
        click.argument("cluster"),
    ):
        command = decorate(command)
    return socket_option(command)


@frontend.command()
@_names_a_frontend
def add(cluster: str, hostname: str, path: str | None, path_exact: str | None, listener: str | None) -> None:
    """
    Send a hostname, or some of its paths, to a cluster. "*" is every host, "*.example.com" one label more.

    \b
    Examples:
      sozu frontend add blog blog.example.com
      sozu frontend add api "*.example.com" --path /api
    """
    order(AddHttpFrontend(cluster=cluster, hostname=hostname, path=path, path_exact=path_exact, listener=listener))


@frontend.command()
@_names_a_frontend
def remove(cluster: str, hostname: str, path: str | None, path_exact: str | None, listener: str | None) -> None:
    """
    Take one frontend away; name it as it was added.

    \b
    Example:
      sozu frontend remove api "*.example.com" --path /api
    """
    order(RemoveHttpFrontend(cluster=cluster, hostname=hostname, path=path, path_exact=path_exact, listener=listener))


@frontend.command("list")
@json_option
@socket_option
def list_frontends(*, as_json: bool) -> None:
    """
    List the frontends.

    \b
    Example:
      sozu frontend list --json
    """
    rows = orders_in_force(AddHttpFrontend)
    nothing = "No frontend. Add one: sozu frontend add CLUSTER HOSTNAME"
    show_rows(rows, ("hostname", "path", "path_exact", "listener", "cluster"), as_json=as_json, nothing=nothing)
