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
    listener = known_listener(draft, address_in(order.listener, "listener"), "listener")
    wanted = order.cluster if isinstance(order, AddTcpFrontend) else None
    # Unlike in `add_listener`, the cluster has to be there: this order changes what is in use, and a typing error would lead clients nowhere. A name
    # that a removed cluster has left behind may be taken away all the same.
    if wanted is not None or listener.cluster != order.cluster:
        known_cluster(draft, order.cluster)
    if listener.protocol is not Protocol.TCP:
        raise Objection(f"the listener at {listener.address} speaks {listener.protocol}: its frontends have hostnames", "listener")
    # Neither taken from another cluster by surprise, nor led away from it by somebody who thinks that it is his. One that is gone has nothing to lose.
    if listener.cluster not in (None, order.cluster) and (wanted is None or listener.cluster in draft.clusters):
        raise Objection(f'the listener at {listener.address} leads to cluster "{listener.cluster}"', "cluster")
    if wanted is None and listener.cluster is None:
        raise Objection(f"the listener at {listener.address} leads nowhere", "listener")
    draft.put(msgspec.structs.replace(listener, cluster=wanted))
