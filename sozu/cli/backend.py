"""`sozu backend …`: the addresses of a cluster."""

from typing import Any

import click

from sozu.cli.conversation import order
from sozu.cli.listing import orders_in_force, show_rows
from sozu.cli.options import json_option, socket_option
from sozu.cli.waiting import remove_and_wait, waiting_options
from sozu.command.orders import AddBackend, RemoveBackend


@click.group()
@socket_option
def backend() -> None:
    """
    Add, remove or list the addresses of a cluster.

    \b
    Example:
      sozu backend add blog 127.0.0.1:9001
    """


@backend.command()
@click.argument("cluster")
@click.argument("address")
@click.option("--id", "backend_id", default="", metavar="ID", help="A name for it; else its address.")
# Only the lower bound: the upper one is the master's, whose refusal names it. Two places would say two numbers some day.
@click.option("--weight", type=click.IntRange(0), default=100, show_default=True, help="Its share, relative to the others.")
@click.option("--backup", is_flag=True, help="Serve only when no other backend can.")
@click.option("--maintenance", is_flag=True, help="Send nothing new there, without forgetting it.")
@socket_option
def add(cluster: str, address: str, backend_id: str, **settings: Any) -> None:
    """
    Give a cluster one more address (IPv4:port, [IPv6]:port or unix:/path), or an address new settings.

    \b
    Examples:
      sozu backend add blog 127.0.0.1:9001
      sozu backend add blog 127.0.0.1:9002 --id b2 --weight 50
    """
    # An update too, if the address is there: what is not named is as usual again then, and not what it was.
    order(AddBackend(cluster=cluster, address=address, id=backend_id, **settings))


@backend.command()
@click.argument("cluster")
@click.argument("address")
@waiting_options
@socket_option
def remove(cluster: str, address: str, timeout: float | None, *, no_wait: bool) -> None:
    """
    Take an address away and wait until its last exchange has ended: then it may be stopped.

    The change is made before the wait; who stops waiting changes nothing.

    \b
    Example:
      sozu backend remove blog 127.0.0.1:9001 --timeout 60
    """
    remove_and_wait(RemoveBackend(cluster=cluster, address=address), timeout, no_wait=no_wait)


@backend.command("list")
@json_option
@socket_option
def list_backends(*, as_json: bool) -> None:
    """
    List the backends.

    \b
    Example:
      sozu backend list --json
    """
    rows = orders_in_force(AddBackend)
    nothing = "No backend. Add one: sozu backend add CLUSTER ADDRESS"
    show_rows(rows, ("cluster", "address", "id", "weight", "backup", "maintenance"), as_json=as_json, nothing=nothing)
