"""The idle connections of a worker: one stack for each address, whoever its clusters are.

Ten thousand sites that one server serves are ten thousand clusters with the same backend. Had each its own connections, each would seldom find one: nearly every
request would open another one, and they would be ten thousand. So backends at one address that are spoken to in plain HTTP share a stack. Those behind
TLS, those that are told who the client is (a connection is one client's then) and those whose name DNS may lead elsewhere have each its own.
"""

from sozu.command.addresses import named_address
from sozu.command.facts import Cluster
from sozu.proxy.registry.live_backend import LiveBackend, Stack


class Stacks:
    """Who shares which stack. Nothing here switches greenlets."""

    __slots__ = ("_shared",)

    def __init__(self) -> None:
        self._shared: dict[str, tuple[Stack, int]] = {}  # by address; how many share it

    def place(self, live: LiveBackend, cluster: Cluster) -> None:
        """Give a backend of this cluster the stack that it should have."""
        plain = shares(cluster)
        if live.shares:
            # One that goes over to TLS, or to PROXY headers, must not find a connection in plain text in its stack, nor put its own into that of the others.
            if not plain:
                self.leave(live)
        # A name is left out: its backends move one by one when DNS says so, and `place` closes what is in the stack of the one that moves.
        elif plain and named_address(live.name) is None:
            live.forget_idle()
            # What it had for itself was closed and is not brought along: it may be in TLS, or opened in the name of one client.
            live.idle, users = self._shared.get(live.name, (live.idle, 0))
            self._shared[live.name] = live.idle, users + 1
            live.shares = True

    def leave(self, live: LiveBackend) -> None:
        """It is in use no more, or not in this way. Who shares its stack last closes what is there."""
        if not live.shares:
            live.forget_idle()
            return
        # The count is kept beside the stack, because a stack does not know who has it: only the last one may close what others would still use.
        stack, users = self._shared.pop(live.name)
        # A stack of its own from here on: connections that are in use now belong to the shared one, and go back there or are closed.
        live.shares, live.idle = False, []
        if users > 1:
            self._shared[live.name] = stack, users - 1
        while users == 1 and stack:
            stack.pop().close()


def shares(cluster: Cluster) -> bool:
    """Is a connection to it nobody's in particular?"""
    return cluster.tls is None and cluster.proxy_protocol is None
