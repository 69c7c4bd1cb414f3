"""What orders may do to backends. Pure."""

from sozu.command.draft import Draft
from sozu.command.facts import Backend
from sozu.command.nearest import did_you_mean
from sozu.command.orders import AddBackend, RemoveBackend
from sozu.command.rules.clusters import known_cluster
from sozu.command.rules.objections import Objection, Unknown
from sozu.command.rules.spellings import backend_address_in, check_id

# Weights are relative, so larger numbers could say nothing more. haproxy has the same bound.
HEAVIEST = 256


def add_backend(draft: Draft, order: AddBackend) -> None:
    """One more address, or new settings for one that is there."""
    # The text of the fact that is there, not that of the order: ten thousand backends then hold one string for each cluster.
    cluster = known_cluster(draft, order.cluster).cluster
    address = backend_address_in(order.address)
    # A listener at port 0 is given one by the kernel; to connect there is no such thing, and it would fail at the first request instead.
    if address.endswith(":0") and not address.startswith("unix:"):
        raise Objection(f"{address}: a backend has a port other than 0", "address")
    if not 0 <= order.weight <= HEAVIEST:
        raise Objection(f"weight {order.weight}: a whole number from 0 (gets nothing new) to {HEAVIEST}", "weight")
    # Without one the address is the id. It may be longer than an id of somebody's choice, and has been looked at already.
    if order.id:
        check_id(order.id, "backend", "backend_id")
    backend = Backend(
        cluster=cluster,
        address=address,
        id=order.id or address,
        weight=order.weight,
        backup=order.backup,
        maintenance=order.maintenance,
    )
    draft.put(backend)


def remove_backend(draft: Draft, order: RemoveBackend) -> None:
    """Take an address away."""
    # Asked first, though the key would do: whoever mistypes the cluster is told of the cluster, and not of a backend that it lacks.
    known_cluster(draft, order.cluster)
    address = backend_address_in(order.address)
    backend = draft.backends.get((order.cluster, address))
    if backend is None:
        known = (backend.address for backend in draft.backends_of(order.cluster))
        raise Unknown(f'cluster "{order.cluster}" has no backend {address}{did_you_mean(address, known)}', "address")
    draft.take(backend)
