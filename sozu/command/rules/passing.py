"""Frontends that pass connections on unopened: of what else a frontend may say, they say nothing. Pure."""

from typing import Final

from sozu.command.facts import Frontend
from sozu.command.orders import AddHttpFrontend, AddTcpFrontend, RemoveHttpFrontend, RemoveTcpFrontend
from sozu.command.rules.objections import Objection

# Named is what may be said, and all else is refused: a field that orders get later is then refused here by itself, and not silently without effect.
SAID: Final = frozenset(("cluster", "hostname", "listener", "passthrough", "path"))


def check_passthrough(order: AddHttpFrontend, frontend: Frontend) -> None:
    """May this frontend pass connections on? Raises Objection."""
    if not frontend.hostname:
        raise Objection("passthrough needs a hostname: an expression is no name that a handshake could ask for", "hostname_regex")
    said = {name for name in AddHttpFrontend.__struct_fields__ if getattr(order, name) != getattr(_NOTHING, name)} - SAID
    # "/" is let through: tools write the default.
    if said or order.path not in (None, "/"):
        raise Objection("what is passed through is not looked at: nothing can be asked of it, nor done with it", min(said, default="path"))


def named_frontend(order: AddTcpFrontend | RemoveTcpFrontend) -> AddHttpFrontend | RemoveHttpFrontend:
    """The same order, of a tcp listener's connections that ask for a hostname, in the words for frontends with hostnames."""
    kind = AddHttpFrontend if isinstance(order, AddTcpFrontend) else RemoveHttpFrontend
    return kind(cluster=order.cluster, hostname=order.hostname, listener=order.listener, passthrough=True)


# Defaults are asked of an order that says nothing, so that they stand in one place.
_NOTHING: Final = AddHttpFrontend(cluster="")
