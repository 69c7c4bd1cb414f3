"""What names a frontend: hostname, path rule, conditions, position and listener, as options and arguments of `sozu frontend add` and `remove`."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from sozu.cli.options import socket_option
from sozu.command.facts import Match, Position

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def _match(text: str) -> Match:
    """`NAME=VALUE`, `NAME~REGEX`, `NAME` (it is there) or `!NAME` (it is not)."""
    if text.startswith("!"):
        return Match(name=text[1:], present=False)
    # Whichever stands first: an expression may have an equals sign in it, and a value a tilde.
    name, sign, rest = _first_of(text, "=~")
    if sign == "~":
        return Match(name=name, regex=rest)
    return Match(name=name, value=rest) if sign else Match(name=name)


def _first_of(text: str, signs: str) -> tuple[str, str, str]:
    place = next((at for at, character in enumerate(text) if character in signs), len(text))
    return text[:place], text[place : place + 1], text[place + 1 :]


def _matches(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[Match, ...]:
    return tuple(map(_match, values))


def names_a_frontend(command: Decorated) -> Decorated:
    """What `add` and `remove` both need to name one frontend."""
    # One list for both verbs: a condition that `add` knew and `remove` did not would make frontends that nobody can take away.
    # From last to first, since decorators are applied from the bottom up and `--help` shows them from the top.
    for decorate in (
        click.option("--certificate", metavar="FINGERPRINT", help="Pinned: clients that ask for this hostname get this certificate."),
        click.option("--passthrough", is_flag=True, help="Connections that ask for this hostname go to the cluster unopened: it does the TLS."),
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


def named(hostname: str, position: str) -> dict[str, Any]:
    """A hostname between slashes is a regular expression."""
    # No hostname has a slash, so the sign is free; a single "/" is left for the master to refuse as a hostname.
    is_regex = len(hostname) > 1 and hostname.startswith("/") and hostname.endswith("/")
    name = {"hostname_regex": hostname[1:-1]} if is_regex else {"hostname": hostname}
    return {**name, "position": Position(position)}
