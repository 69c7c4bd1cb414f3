"""The configuration of a `sozu serve` that was given no file: one listener, and what `--to` or `--demo` say."""

from collections.abc import Iterable, Iterator

import click

from sozu.command.commit import Refused, commit
from sozu.command.facts import Protocol
from sozu.command.orders import AddBackend, AddCluster, AddHttpFrontend, AddListener, AnyOrder
from sozu.command.state import ConfigState

EVERY_HOST = "*"
_ALL = "all"


def state_of(listen: str, routes: Iterable[str]) -> ConfigState:
    """One HTTP listener on `listen`, and for each `[HOST=]ADDRESS` a backend in the cluster of that host.

    Raises click.UsageError for what the proxy would refuse.
    """
    try:
        # By the same rules as orders, and before anything is opened: a mistyped address must not cost a start. Revision 0, as nobody has committed it yet.
        return commit(ConfigState(), [_listener(listen), *_orders_of(routes)]).state.at(0)
    except Refused as refusal:
        raise click.UsageError(f"{refusal.reason}. Nothing was started.") from None


def _listener(address: str) -> AnyOrder:
    return AddListener(protocol=Protocol.HTTP, address=address)


def _orders_of(routes: Iterable[str]) -> Iterator[AnyOrder]:
    for route in routes:
        # From the right: without a host all of it is the address, and no IP address or name has an equals sign.
        host, _, address = route.rpartition("=")
        hostname = host or EVERY_HOST
        # Several addresses of one host are one cluster, whose backends take turns; it is called as its host, so that the next command is easily guessed.
        # The dot of the root makes it another name for the same host, and none that the cluster of every host has.
        cluster = _ALL if hostname == EVERY_HOST else f"{hostname}." if hostname == _ALL else hostname
        # To add once more what is there already is an update that changes nothing.
        yield AddCluster(cluster=cluster)
        yield AddHttpFrontend(cluster=cluster, hostname=hostname)
        yield AddBackend(cluster=cluster, address=address)
