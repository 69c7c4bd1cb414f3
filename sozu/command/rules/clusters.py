"""What orders may do to clusters. Pure."""

import msgspec

from sozu.command.certificates.terms import BackendTls
from sozu.command.draft import Draft
from sozu.command.facts import Cluster
from sozu.command.nearest import did_you_mean
from sozu.command.orders import AddCluster, RemoveCluster, given
from sozu.command.rules.affinity import check_slow_start, check_split, check_sticky, hash_key_in
from sozu.command.rules.answers import answers_in
from sozu.command.rules.certificates import shown_certificate
from sozu.command.rules.limits import check_limits
from sozu.command.rules.objections import Unknown
from sozu.command.rules.spellings import check_id
from sozu.command.rules.terms import check_backend_terms


def add_cluster(draft: Draft, order: AddCluster) -> None:
    """A new cluster, or new settings for one that is there."""
    # The id goes into log lines and metrics as it is, so even the plainest cluster is asked for it.
    check_id(order.cluster, "cluster", "cluster")
    if order == AddCluster(cluster=order.cluster):  # as nearly all are: nothing more to look at
        draft.put(Cluster(cluster=order.cluster))
        return
    check_limits(order)
    check_slow_start(order)
    check_sticky(order.sticky)
    check_split(order.cluster, order.split)
    # These three are put in normal form, all others are kept as they were said: equal settings are equal facts, and an order that repeats them has no
    # effect.
    checked = {"hash_on": hash_key_in(order.hash_on), "answers": answers_in(order.answers), "tls": _terms_in(draft, order)}
    draft.put(Cluster(**{**given(order), **checked}))


def _terms_in(draft: Draft, order: AddCluster) -> BackendTls | None:
    terms = order.tls
    if terms is None:
        return None
    check_backend_terms(terms)
    # By its fingerprint in the one spelling: `replace` and `remove` find the clusters that name a certificate by comparing texts.
    return terms if terms.certificate is None else msgspec.structs.replace(terms, certificate=shown_certificate(draft, terms.certificate))


def remove_cluster(draft: Draft, order: RemoveCluster) -> None:
    """Its frontends and backends go with it."""
    cluster = known_cluster(draft, order.cluster)
    # Both are lists and no views: what they are read from changes with each that is taken. What merely names the cluster (a split, forward_auth, a
    # tcp listener) stays as it is, for the cluster may be added again.
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
