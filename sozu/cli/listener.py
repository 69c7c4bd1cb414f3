"""`sozu listener …`: the addresses that workers accept on."""

from collections.abc import Callable
from typing import Any, TypeVar

import click
from msgspec import UNSET, UnsetType

from sozu.cli.certificates.tls_options import terms_in
from sozu.cli.conversation import order
from sozu.cli.listing import orders_in_force, show_rows
from sozu.cli.options import json_option, socket_option
from sozu.cli.waiting import remove_and_wait, waiting_options
from sozu.command.certificates.terms import Tls
from sozu.command.facts import Protocol
from sozu.command.orders import ActivateListener, AddListener, DeactivateListener, RemoveListener, UpdateListener

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@click.group()
@socket_option
def listener() -> None:
    """
    Add, remove, change or list the addresses that workers accept on.

    \b
    Example:
      sozu listener add http 127.0.0.1:8081
    """


def _names_a_listener(command: Decorated) -> Decorated:
    # From the bottom up, as decorators are applied: click takes the one that came last for the first argument.
    command = click.argument("address")(command)
    command = click.argument("protocol", type=click.Choice([protocol.value for protocol in Protocol]))(command)
    return socket_option(command)


@listener.command()
@click.option("--cluster", metavar="ID", help="Where a tcp listener leads; an http listener has frontends.")
@click.option("--inactive", is_flag=True, help="Know it, and accept nothing yet.")
@click.option("--proxy-from", metavar="NETWORK", multiple=True, help="Connections from there begin with a PROXY header; may be repeated.")
@click.option("--trusted", metavar="NETWORK", multiple=True, help="What requests from there say in X-Forwarded-* is passed on; may be repeated.")
@click.option("--tls", "terms", metavar="NAME=VALUE", multiple=True, help="Of https: min_version, ciphers, groups, client_certificates, client_ca (a file), strict.")
@_names_a_listener
def add(  # one option each
    protocol: str,
    address: str,
    cluster: str | None,
    proxy_from: tuple[str, ...],
    trusted: tuple[str, ...],
    *,
    terms: tuple[str, ...],
    inactive: bool,
) -> None:
    """
    Accept on one more address: IPv4:port, [IPv6]:port or unix:/path. With port 0 the kernel chooses one.

    \b
    Examples:
      sozu listener add http 127.0.0.1:8081
      sozu listener add http "[::1]:8081" --inactive
      sozu listener add tcp 127.0.0.1:5432 --cluster pg --proxy-from 10.0.0.0/8
      sozu listener add https 127.0.0.1:8443 --tls min_version=TLSv1.3
    """
    kind, tls = Protocol(protocol), terms_in(terms, Tls)
    order(AddListener(protocol=kind, address=address, cluster=cluster, active=not inactive, proxy_from=proxy_from, trusted=trusted, tls=tls))


@listener.command()
@click.option("--cluster", metavar="ID", help="Where a tcp listener leads.")
# None is a third answer here: an update that is about something else must not turn a listener on that somebody has turned off.
@click.option("--active/--inactive", default=None, help="Accept on it, or not.")
@click.option("--proxy-from", metavar="NETWORK", multiple=True, help="In place of those it has: connections from there begin with a PROXY header.")
@click.option("--trusted", metavar="NETWORK", multiple=True, help="In place of those it has: what requests from there say of their clients is believed.")
# An option that may be repeated cannot say "none": left out it means "as it is", hence these two.
@click.option("--no-proxy-from", is_flag=True, help="No connection begins with a PROXY header any more.")
@click.option("--no-trusted", is_flag=True, help="No request's X-Forwarded-* is believed any more.")
@click.option("--tls", "terms", metavar="NAME=VALUE", multiple=True, help="In place of the terms it has, all of them; as for add.")
@_names_a_listener
def update(  # one option each
    protocol: str,
    address: str,
    cluster: str | None,
    proxy_from: tuple[str, ...],
    trusted: tuple[str, ...],
    *,
    terms: tuple[str, ...],
    active: bool | None,
    no_proxy_from: bool,
    no_trusted: bool,
) -> None:
    """
    Change some settings of a listener while it serves; what is not named stays as it is.

    \b
    Examples:
      sozu listener update http 127.0.0.1:8081 --inactive
      sozu listener update http 127.0.0.1:8081 --trusted 10.0.0.0/8 --trusted 192.0.2.7
      sozu listener update http 127.0.0.1:8081 --no-proxy-from
      sozu listener update https 127.0.0.1:8443 --tls min_version=TLSv1.2 --tls strict=false
    """
    order(
        # Only what was named is sent. To read the listener and send it back whole would undo what another tool has changed in between.
        UpdateListener(
            protocol=Protocol(protocol),
            address=address,
            cluster=UNSET if cluster is None else cluster,
            active=UNSET if active is None else active,
            proxy_from=_networks("proxy-from", proxy_from, none=no_proxy_from),
            trusted=_networks("trusted", trusted, none=no_trusted),
            # The terms are one value: told apart by name, what is left out of them could not be put back to the usual.
            tls=terms_in(terms, Tls) or UNSET,
        )
    )


def _networks(option: str, given: tuple[str, ...], *, none: bool) -> tuple[str, ...] | UnsetType:
    # Whichever we chose, half of those who write both would have meant the other, and this is about whom the proxy believes.
    if given and none:
        raise click.UsageError(f"--{option} and --no-{option} contradict each other")
    return given if given or none else UNSET


@listener.command()
@waiting_options
@_names_a_listener
def remove(protocol: str, address: str, timeout: float | None, *, no_wait: bool) -> None:
    """
    Accept there no more, forget the address, and wait until the last session that came by it has ended.

    Sessions end after the exchange that they are doing. The change is made before the wait; who stops waiting changes nothing.

    \b
    Example:
      sozu listener remove http 127.0.0.1:8081 --timeout 60
    """
    remove_and_wait(RemoveListener(protocol=Protocol(protocol), address=address), timeout, no_wait=no_wait)


@listener.command()
@_names_a_listener
def activate(protocol: str, address: str) -> None:
    """
    Accept on a listener that is inactive.

    \b
    Example:
      sozu listener activate http 127.0.0.1:8081
    """
    order(ActivateListener(protocol=Protocol(protocol), address=address))


@listener.command()
@_names_a_listener
def deactivate(protocol: str, address: str) -> None:
    """
    Accept on it no more, and keep it: its frontends and the sessions that it has stay.

    \b
    Example:
      sozu listener deactivate http 127.0.0.1:8081
    """
    order(DeactivateListener(protocol=Protocol(protocol), address=address))


@listener.command("list")
@json_option
@socket_option
def list_listeners(*, as_json: bool) -> None:
    """
    List the listeners.

    \b
    Example:
      sozu listener list --json
    """
    nothing = "No listener. Add one: sozu listener add PROTOCOL ADDRESS"
    show_rows(orders_in_force(AddListener), ("protocol", "address", "active", "cluster"), as_json=as_json, nothing=nothing)
