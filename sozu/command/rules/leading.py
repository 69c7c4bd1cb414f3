"""Where tcp listeners lead: their one frontend, so to speak. Pure."""

import msgspec

from sozu.command.draft import Draft
from sozu.command.facts import Protocol
from sozu.command.orders import AddTcpFrontend, RemoveTcpFrontend
from sozu.command.rules.clusters import known_cluster
from sozu.command.rules.known import known_listener
from sozu.command.rules.objections import Objection
from sozu.command.rules.spellings import address_in


def lead(draft: Draft, order: AddTcpFrontend | RemoveTcpFrontend) -> None:
    """Lead a tcp listener to a cluster, or nowhere any more."""
    known_cluster(draft, order.cluster)
    listener = known_listener(draft, address_in(order.listener, "listener"), "listener")
    if listener.protocol is not Protocol.TCP:
        raise Objection(f"the listener at {listener.address} speaks {listener.protocol}: its frontends have hostnames", "listener")
    wanted = order.cluster if isinstance(order, AddTcpFrontend) else None
    if listener.cluster not in (None, order.cluster):
        raise Objection(f'the listener at {listener.address} leads to cluster "{listener.cluster}"', "cluster")
    if wanted is None and listener.cluster is None:
        raise Objection(f"the listener at {listener.address} leads nowhere", "listener")
    draft.put(msgspec.structs.replace(listener, cluster=wanted))
