"""What orders may do to clusters. Pure."""

from sozu.command.draft import Draft
from sozu.command.facts import Cluster, LoadBalancing
from sozu.command.nearest import did_you_mean
from sozu.command.orders import AddCluster, RemoveCluster
from sozu.command.rules.limits import check_limits
from sozu.command.rules.objections import Objection, Unknown
from sozu.command.rules.spellings import check_id

BALANCING = (LoadBalancing.ROUND_ROBIN, LoadBalancing.RANDOM, LoadBalancing.LEAST_LOADED)


def add_cluster(draft: Draft, order: AddCluster) -> None:
    """A new cluster, or new settings for one that is there."""
    name = order.cluster
    check_id(name, "cluster", "cluster")
    if order.load_balancing not in BALANCING:
        raise Objection(f"load_balancing {order.load_balancing} is not available in this version", "load_balancing")
    check_limits(order)
    cluster = Cluster(
        cluster=name,
        load_balancing=order.load_balancing,
        timeouts=order.timeouts,
        max_body_size=order.max_body_size,
        min_rate=order.min_rate,
    )
    draft.put(cluster)


def remove_cluster(draft: Draft, order: RemoveCluster) -> None:
    """Its frontends and backends go with it."""
    cluster = known_cluster(draft, order.cluster)
    for frontend in draft.frontends_of(cluster.cluster):
        draft.take(frontend)
    for backend in draft.backends_of(cluster.cluster):
        draft.take(backend)
    draft.take(cluster)


def known_cluster(draft: Draft, name: str) -> Cluster:
    """The cluster of this id. Raises Unknown."""
    cluster = draft.clusters.get(name)
    if cluster is None:
        raise Unknown(f'there is no cluster "{name}"{did_you_mean(name, draft.clusters)}', "cluster")
    return cluster
