"""The one way to a new configuration: `commit(state, orders)` gives the next state, or refuses and leaves everything as it was. Pure.

The master decides with it, workers follow with it, `plan` and the configuration file check with it; so what one accepts all accept.
Facts leave here in normal form (addresses, hostnames, defaults filled in). What an order may be at all (fields, types)
was checked at the door by `requests`; here we check what it means beside the facts that are there.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sozu.command.addresses import BadAddress, parse_address
from sozu.command.draft import Change, Draft
from sozu.command.facts import Backend, Cluster, Frontend, Listener, LoadBalancing, Protocol, Timeouts
from sozu.command.hostnames import BadHostname, BadPath, normal_hostname, normal_path
from sozu.command.nearest import did_you_mean, nearest
from sozu.command.orders import (
    AddBackend,
    AddCluster,
    AddHttpFrontend,
    AddListener,
    AnyOrder,
    RemoveBackend,
    RemoveCluster,
    RemoveHttpFrontend,
    RemoveListener,
)
from sozu.command.state import ConfigState

ID_LIMIT = 128
HEAVIEST = 256
LONGEST_TIMEOUT = 86_400.0  # a day; beyond it, a unit was mistaken
LONGEST_BODY = 1 << 60  # bytes; more than anybody has
FASTEST = 1_000_000_000  # bytes a second
BALANCING = (LoadBalancing.ROUND_ROBIN, LoadBalancing.RANDOM, LoadBalancing.LEAST_LOADED)


class Objection(Exception):
    """Why one order cannot be carried out; `field` names the part of it that is wrong, if one is."""

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.field = reason, field


class Unknown(Objection):
    """The order names something that is not there; in good order itself, it may be right at another time."""


class Refused(Exception):
    """Why a transaction was not committed: its `order` at `index` meets an objection. Nothing has changed."""

    def __init__(self, index: int, order: AnyOrder, reason: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.index, self.order, self.reason, self.field = index, order, reason, field


@dataclass(frozen=True, slots=True)
class Commit:
    """What a transaction leads to: the next state, and the changes in the order in which they were made."""

    state: ConfigState
    effects: tuple[Change, ...]

    @property
    def revision(self) -> int:
        """The number of this transaction."""
        return self.state.revision


def commit(state: ConfigState, orders: Iterable[AnyOrder]) -> Commit:
    """Carry out all orders, or none: raises Refused at the first that cannot be.

    Every commit counts, also one without effects: who asks for a revision gets one.
    """
    draft = Draft(state)
    for index, order in enumerate(orders):
        try:
            carry_out(draft, order)
        except Objection as objection:
            raise Refused(index, order, objection.reason, objection.field) from objection
    return Commit(draft.state(state.revision + 1), tuple(draft.effects))


def carry_out(draft: Draft, order: AnyOrder) -> None:
    """Carry out one order on a draft. Raises Objection before anything of this order has been done."""
    match order:
        case AddListener():
            draft.put(_listener(order))
        case RemoveListener():
            _remove_listener(draft, order)
        case AddCluster():
            draft.put(_cluster(order))
        case RemoveCluster():
            _remove_cluster(draft, order)
        case AddHttpFrontend():
            _add_frontend(draft, order)
        case RemoveHttpFrontend():
            _remove_frontend(draft, order)
        case AddBackend():
            _add_backend(draft, order)
        case _:  # RemoveBackend; a new kind of order fails the type check here
            _remove_backend(draft, order)


# ---- listeners ---------------------------------------------------------------------------------


def _listener(order: AddListener) -> Listener:
    if order.protocol is not Protocol.HTTP:
        raise Objection(f"protocol {order.protocol} is not available in this version", "protocol")
    if order.cluster is not None:
        raise Objection("an http listener has no cluster: frontends decide where its requests go", "cluster")
    address = _address(order.address)
    return Listener(protocol=order.protocol, address=address, cluster=order.cluster, active=order.active)


def _remove_listener(draft: Draft, order: RemoveListener) -> None:
    listener = _known_listener(draft, _address(order.address), "address")
    if listener.protocol is not order.protocol:
        raise Objection(f"the listener at {listener.address} speaks {listener.protocol}, not {order.protocol}", "protocol")
    for frontend in draft.frontends.values():
        if frontend.listener == listener.address:
            raise Objection(f"frontend {frontend_name(frontend)} of cluster {frontend.cluster} is for this listener only")
    draft.take(listener)


def _known_listener(draft: Draft, address: str, field: str) -> Listener:
    listener = draft.listeners.get(address)
    if listener is None:
        raise Unknown(f"there is no listener at {address}{did_you_mean(address, draft.listeners)}", field)
    return listener


# ---- clusters ----------------------------------------------------------------------------------


def _cluster(order: AddCluster) -> Cluster:
    name = order.cluster
    _check_id(name, "cluster", "cluster")
    if order.load_balancing not in BALANCING:
        raise Objection(f"load_balancing {order.load_balancing} is not available in this version", "load_balancing")
    if order.timeouts is not None:
        _check_timeouts(order.timeouts)
    _check_limits(order)
    return Cluster(
        cluster=name,
        load_balancing=order.load_balancing,
        timeouts=order.timeouts,
        max_body_size=order.max_body_size,
        min_rate=order.min_rate,
    )


def _check_id(name: str, kind: str, field: str) -> None:
    if not name or len(name) > ID_LIMIT or not name.isprintable() or " " in name:
        raise Objection(f"{name!r}: a {kind}'s id has 1 to {ID_LIMIT} visible characters and no spaces", field)


def _check_timeouts(timeouts: Timeouts) -> None:
    for name in Timeouts.__struct_fields__:
        if not 0 < getattr(timeouts, name) <= LONGEST_TIMEOUT:
            raise Objection(f"timeouts.{name}: more than 0 and at most {LONGEST_TIMEOUT:.0f} seconds", "timeouts")


def _check_limits(order: AddCluster) -> None:
    if order.max_body_size is not None and not 1 <= order.max_body_size <= LONGEST_BODY:
        raise Objection(f"max_body_size: 1 to {LONGEST_BODY} bytes", "max_body_size")
    if order.min_rate is not None and not 0 <= order.min_rate <= FASTEST:
        raise Objection(f"min_rate: 0 to {FASTEST} bytes a second", "min_rate")


def _remove_cluster(draft: Draft, order: RemoveCluster) -> None:
    cluster = _known_cluster(draft, order.cluster)
    for frontend in draft.frontends_of(cluster.cluster):
        draft.take(frontend)
    for backend in draft.backends_of(cluster.cluster):
        draft.take(backend)
    draft.take(cluster)


def _known_cluster(draft: Draft, name: str) -> Cluster:
    cluster = draft.clusters.get(name)
    if cluster is None:
        raise Unknown(f'there is no cluster "{name}"{did_you_mean(name, draft.clusters)}', "cluster")
    return cluster


# ---- frontends ---------------------------------------------------------------------------------


def frontend_name(frontend: Frontend) -> str:
    """How messages call a frontend: `blog.example.com/api`, with what narrows it."""
    listener = f" on {frontend.listener}" if frontend.listener is not None else ""
    if frontend.path_exact is not None:
        return f"{frontend.hostname}{frontend.path_exact} (exactly){listener}"
    return f"{frontend.hostname}{frontend.path}{listener}"


def _add_frontend(draft: Draft, order: AddHttpFrontend) -> None:
    if order.certificate is not None:
        raise Objection("pinning a frontend to a certificate is not available in this version", "certificate")
    _known_cluster(draft, order.cluster)
    frontend = _frontend(order)
    if frontend.listener is not None:
        _known_listener(draft, frontend.listener, "listener")
    owner = draft.frontends.get(frontend.key)
    if owner is not None and owner.cluster != frontend.cluster:
        raise Objection(f'{frontend_name(frontend)} already leads to cluster "{owner.cluster}"', "hostname")
    draft.put(frontend)


def _remove_frontend(draft: Draft, order: RemoveHttpFrontend) -> None:
    _known_cluster(draft, order.cluster)
    wanted = _frontend(order)
    frontend = draft.frontends.get(wanted.key)
    if frontend is None:
        raise Unknown(_no_such_frontend(wanted, draft.frontends_of(order.cluster)), "hostname")
    if frontend.cluster != order.cluster:
        raise Objection(f'{frontend_name(frontend)} leads to cluster "{frontend.cluster}"', "cluster")
    draft.take(frontend)


def _no_such_frontend(wanted: Frontend, known: Iterable[Frontend]) -> str:
    # Compared without what narrows a frontend: who forgot that it was exact, or for one listener, is told.
    names = {f"{frontend.hostname}{frontend.path_exact or frontend.path}": frontend_name(frontend) for frontend in known}
    meant = nearest(f"{wanted.hostname}{wanted.path_exact or wanted.path}", names)
    suggestion = f'; did you mean "{names[meant]}"?' if meant is not None else ""
    return f'cluster "{wanted.cluster}" has no frontend {frontend_name(wanted)}{suggestion}'


def _frontend(order: AddHttpFrontend | RemoveHttpFrontend) -> Frontend:
    if order.path_regex is not None:
        raise Objection("path_regex is not available in this version", "path_regex")
    if order.path is not None and order.path_exact is not None:
        raise Objection("a frontend has one path rule: path or path_exact, not both", "path_exact")
    return Frontend(
        cluster=order.cluster,
        hostname=_hostname(order.hostname),
        path=_path(order.path or "/", "path") if order.path_exact is None else None,
        path_exact=_path(order.path_exact, "path_exact") if order.path_exact is not None else None,
        listener=_address(order.listener, "listener") if order.listener is not None else None,
    )


# ---- backends ----------------------------------------------------------------------------------


def _add_backend(draft: Draft, order: AddBackend) -> None:
    _known_cluster(draft, order.cluster)
    address = _address(order.address)
    if address.endswith(":0") and not address.startswith("unix:"):
        raise Objection(f"{address}: a backend has a port other than 0", "address")
    if not 0 <= order.weight <= HEAVIEST:
        raise Objection(f"weight {order.weight}: a whole number from 0 (gets nothing new) to {HEAVIEST}", "weight")
    if order.id:
        _check_id(order.id, "backend", "backend_id")
    name = order.id or address
    draft.put(Backend(cluster=order.cluster, address=address, id=name, weight=order.weight, backup=order.backup))


def _remove_backend(draft: Draft, order: RemoveBackend) -> None:
    _known_cluster(draft, order.cluster)
    address = _address(order.address)
    backend = draft.backends.get((order.cluster, address))
    if backend is None:
        known = (backend.address for backend in draft.backends_of(order.cluster))
        raise Unknown(f'cluster "{order.cluster}" has no backend {address}{did_you_mean(address, known)}', "address")
    draft.take(backend)


# ---- spellings ---------------------------------------------------------------------------------


def _address(text: str, field: str = "address") -> str:
    try:
        return str(parse_address(text))
    except BadAddress as error:
        raise Objection(str(error), field) from error


def _hostname(text: str) -> str:
    try:
        return normal_hostname(text)
    except BadHostname as error:
        raise Objection(str(error), "hostname") from error


def _path(text: str, field: str) -> str:
    try:
        return normal_path(text)
    except BadPath as error:
        raise Objection(str(error), field) from error
