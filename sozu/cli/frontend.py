"""`sozu frontend …`: which requests go to which cluster."""

from collections.abc import Mapping
from typing import Any

import click
import msgspec

from sozu.cli.conversation import order
from sozu.cli.frontends.conditions import named, names_a_frontend
from sozu.cli.frontends.edits import edit_options, edits_of
from sozu.cli.listing import orders_in_force, show_rows
from sozu.cli.options import json_option, socket_option
from sozu.command.facts import Frontend
from sozu.command.orders import AddHttpFrontend, RemoveHttpFrontend
from sozu.command.rules.names import frontend_name


@click.group()
@socket_option
def frontend() -> None:
    """
    Add, remove or list frontends: hostname + path -> cluster.

    \b
    Example:
      sozu frontend add blog blog.example.com
    """


@frontend.command()
@names_a_frontend
@edit_options
def add(cluster: str, hostname: str, position: str, **rule: Any) -> None:
    """
    Send a hostname, or some of its requests, to a cluster. "*" is every host, "*.example.com" one label more, "/REGEX/" what matches.

    \b
    Examples:
      sozu frontend add blog blog.example.com
      sozu frontend add api "*.example.com" --path /api
      sozu frontend add canary blog.example.com --method GET --cookie canary=1
      sozu frontend add blog old.example.com --redirect-to "https://blog.example.com{path}{query}" --status 308
    """
    order(AddHttpFrontend(cluster=cluster, **named(hostname, position), **edits_of(rule)))


@frontend.command()
@names_a_frontend
def remove(cluster: str, hostname: str, position: str, **rule: Any) -> None:
    """
    Take one frontend away; name it as it was added.

    \b
    Example:
      sozu frontend remove api "*.example.com" --path /api
    """
    # All that `add` took to name it is taken here too: conditions and position are a part of which frontend it is.
    order(RemoveHttpFrontend(cluster=cluster, **named(hostname, position), **rule))


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
    # Hostname, rule and conditions are a dozen fields, of which nearly all are empty: people are shown the name that messages use.
    named = rows if as_json else [{"cluster": row["cluster"], "frontend": _name(row)} for row in rows]
    show_rows(named, ("frontend", "cluster"), as_json=as_json, nothing=nothing)


def _name(row: Mapping[str, Any]) -> str:
    return frontend_name(msgspec.convert(row, Frontend))
