"""`sozu frontend …`: which requests go to which cluster."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click
import msgspec

from sozu.cli.conversation import order
from sozu.cli.listing import orders_in_force, show_rows
from sozu.cli.options import json_option, socket_option
from sozu.command.facts import Frontend, Match, Position
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


def _match(text: str) -> Match:
    """`NAME=VALUE`, `NAME~REGEX`, `NAME` (it is there) or `!NAME` (it is not)."""
    if text.startswith("!"):
        return Match(name=text[1:], present=False)
    name, sign, rest = _first_of(text, "=~")
    if sign == "~":
        return Match(name=name, regex=rest)
    return Match(name=name, value=rest) if sign else Match(name=name)


def _first_of(text: str, signs: str) -> tuple[str, str, str]:
    place = next((at for at, character in enumerate(text) if character in signs), len(text))
    return text[:place], text[place : place + 1], text[place + 1 :]


def _matches(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[Match, ...]:
    return tuple(map(_match, values))


def _names_a_frontend(command: Decorated) -> Decorated:
    """What `add` and `remove` both need to name one frontend."""
    for decorate in (
        click.option("--certificate", metavar="FINGERPRINT", help="Pinned: clients that ask for this hostname get this certificate."),
        click.option("--listener", metavar="ADDRESS", help="Only requests of this listener; else of all."),
        click.option("--position", type=click.Choice([position.value for position in Position]), default="tree", help="Asked before the others, or after them."),
        click.option("--cookie", "cookies", metavar="TEST", multiple=True, callback=_matches, help="A cookie, in the same way."),
        click.option("--query", metavar="TEST", multiple=True, callback=_matches, help="A parameter of the query, in the same way."),
        click.option(
            "--header", "headers", metavar="TEST", multiple=True, callback=_matches, help="NAME=VALUE, NAME~REGEX, NAME or !NAME; may be repeated."
        ),
        click.option("--method", "methods", metavar="METHOD", multiple=True, help="Only this method; may be repeated."),
        click.option("--path-regex", metavar="REGEX", help="Only paths that match as a whole."),
        click.option("--path-exact", metavar="PATH", help="Only this very path."),
        click.option("--path", metavar="PREFIX", help="Paths below this prefix, on segment borders; else all."),
        click.argument("hostname"),
        click.argument("cluster"),
    ):
        command = decorate(command)
    return socket_option(command)


def _named(hostname: str, position: str) -> dict[str, Any]:
    """A hostname between slashes is a regular expression."""
    is_regex = len(hostname) > 1 and hostname.startswith("/") and hostname.endswith("/")
    name = {"hostname_regex": hostname[1:-1]} if is_regex else {"hostname": hostname}
    return {**name, "position": Position(position)}


@frontend.command()
@_names_a_frontend
def add(cluster: str, hostname: str, position: str, **rule: Any) -> None:
    """
    Send a hostname, or some of its requests, to a cluster. "*" is every host, "*.example.com" one label more, "/REGEX/" what matches.

    \b
    Examples:
      sozu frontend add blog blog.example.com
      sozu frontend add api "*.example.com" --path /api
      sozu frontend add canary blog.example.com --method GET --cookie canary=1
    """
    order(AddHttpFrontend(cluster=cluster, **_named(hostname, position), **rule))


@frontend.command()
@_names_a_frontend
def remove(cluster: str, hostname: str, position: str, **rule: Any) -> None:
    """
    Take one frontend away; name it as it was added.

    \b
    Example:
      sozu frontend remove api "*.example.com" --path /api
    """
    order(RemoveHttpFrontend(cluster=cluster, **_named(hostname, position), **rule))


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
    named = rows if as_json else [{"cluster": row["cluster"], "frontend": _name(row)} for row in rows]
    show_rows(named, ("frontend", "cluster"), as_json=as_json, nothing=nothing)


def _name(row: Mapping[str, Any]) -> str:
    from sozu.command.rules.names import frontend_name  # the rules, with all that they need, take 30 ms

    return frontend_name(msgspec.convert(row, Frontend))
