"""What a frontend does with its requests, as options of `sozu frontend add`. Whether it makes sense is for the master to say."""

from collections.abc import Callable
import re
from typing import Any, TypeVar

import click

from sozu.command.edits.facts import BasicAuth, ForwardAuth, HeaderEdit, Hsts, Rate, Redirect, User

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def _header(text: str) -> HeaderEdit:
    """`NAME=VALUE` sets, `+NAME=VALUE` adds, `!NAME` removes."""
    if text.startswith("!"):
        return HeaderEdit(remove=text[1:])
    # At the first one: a field's name is a token, which has none (RFC 9110 section 5.6.2), and its value may.
    name, sign, value = text.partition("=")
    if not sign:
        raise click.BadParameter(f"{text!r}: NAME=VALUE sets a field, +NAME=VALUE adds one, !NAME removes it")
    return HeaderEdit(add=name[1:], value=value) if name.startswith("+") else HeaderEdit(set=name, value=value)


def _headers(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[HeaderEdit, ...]:
    return tuple(map(_header, values))


def _users(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> BasicAuth | None:
    """`NAME:HASH`, as a line of an htpasswd file."""
    # At the first colon: RFC 7617 section 2 allows none in a name. Without one the hash is empty, which the master refuses.
    users = tuple(User(name=name, hash=hashed) for name, _, hashed in (value.partition(":") for value in values))
    return BasicAuth(users=users) if users else None


def _question(_context: click.Context, _parameter: click.Parameter, value: str | None) -> ForwardAuth | None:
    """`CLUSTER/PATH`, with `?FIELD,FIELD` to copy."""
    if value is None:
        return None
    place, _, copied = value.partition("?")
    # At the first slash, which begins the path: CLUSTER alone is asked at "/".
    cluster, slash, path = place.partition("/")
    return ForwardAuth(cluster=cluster, path=slash + path or "/", copy=tuple(copied.split(",")) if copied else ())


def _age(_context: click.Context, _parameter: click.Parameter, value: int | None) -> Hsts | None:
    return None if value is None else Hsts(max_age=value)


def _rate(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Rate | None:
    """`REQUESTS[/SECONDS][+BURST]`."""
    if value is None:
        return None
    # Digits by hand, where `float` would take "1e3", "nan" and "1_0": a limit should mean what it looks like.
    found = re.fullmatch(r"(\d+)(?:/(\d+(?:\.\d+)?))?(?:\+(\d+))?", value)
    if found is None:
        raise click.BadParameter(f"{value!r}: REQUESTS[/SECONDS][+BURST], as in 10/1+20")
    requests, seconds, burst = found.groups()
    # A burst that is not named stays None: how large it is then, the fact says once, for files and for here.
    return Rate(requests=int(requests), seconds=float(seconds or 1), burst=None if burst is None else int(burst))


def edit_options(command: Decorated) -> Decorated:
    """Give `add` the options; `edits_of` makes fields of an order of them."""
    # From last to first, as `--help` shows them the other way round.
    for decorate in (
        click.option("--hsts", metavar="SECONDS", type=int, callback=_age, help="Strict-Transport-Security over TLS."),
        click.option("--response-header", "response_headers", metavar="EDIT", multiple=True, callback=_headers, help="The same in responses."),
        click.option(
            "--request-header", "request_headers", metavar="EDIT", multiple=True, callback=_headers, help="NAME=VALUE sets a field, +NAME=VALUE adds, !NAME removes."
        ),
        click.option("--rewrite-host", metavar="HOST", help="The Host that backends get."),
        click.option("--replace-prefix", metavar="PATH", help='Put this in place of the prefix; "/" strips it.'),
        click.option("--forward-auth", metavar="CLUSTER/PATH[?FIELD,…]", callback=_question, help="Ask that cluster first; copy these fields of its answer."),
        click.option("--user", "basic_auth", metavar="NAME:HASH", multiple=True, callback=_users, help="Ask for a password (sozu password); may be repeated."),
        click.option("--deny-from", metavar="NETWORK", multiple=True, help="Refuse these clients."),
        click.option("--allow-from", metavar="NETWORK", multiple=True, help="Refuse all clients but these."),
        click.option("--status", "redirect_status", type=int, help="Of the redirect: 301, 302, 303, 307 or 308; else 302."),
        click.option("--redirect-to", metavar="TEMPLATE", help='Send clients elsewhere, as to "https://{host}{path}{query}".'),
        click.option("--rate", metavar="N[/SECONDS][+BURST]", callback=_rate, help="How many requests one client's address may send (10/1+20)."),
        click.option("--deny", type=int, metavar="STATUS", help="Refuse with 401 or 403."),
    ):
        command = decorate(command)
    return command


def edits_of(options: dict[str, Any]) -> dict[str, Any]:
    """The fields of an order; the two options of a redirect are one of them."""
    # Taken out, as the order has no such fields: for msgspec's structs an argument too many is a TypeError.
    to, status = options.pop("redirect_to"), options.pop("redirect_status")
    if to is None and status is not None:
        raise click.UsageError("--status is that of a redirect: say where it leads, with --redirect-to")
    return {**options, "redirect": None if to is None else Redirect(to=to, status=302 if status is None else status)}
