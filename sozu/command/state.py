"""The configuration at one revision: frozen facts by key; and `diff`, which says how one configuration becomes another. Pure.

A `ConfigState` is never written to: `commit` makes the next one through a `draft.Draft`, which copies only the kinds it touches.
The laws (DESIGN section 4, held by tests): applying diff(a, b) to a gives the facts of b; replaying `orders_of(state)` into an
empty state gives it back.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

import msgspec

from sozu.command.facts import AnyFact, Backend, Certificate, Cluster, Frontend, Listener, Overrides, Protocol
from sozu.command.grouping import Grouping
from sozu.command.orders import (
    AddBackend,
    AddCertificate,
    AddCluster,
    AddHttpFrontend,
    AddListener,
    AnyOrder,
    GivenCertificate,
    RemoveBackend,
    RemoveCertificate,
    RemoveCluster,
    RemoveHttpFrontend,
    RemoveListener,
    ReplaceCertificate,
    UpdateSettings,
)

# The fields that tell which frontend is meant; the rest are its settings.
# By intersection, so that a field which is added to both belongs to a removal without anybody thinking of it; `wait` is a field of
# the order alone. The certificate is none of them: it would spare a frontend whose pin an order before this one has taken off.
_NAMING = tuple(set(RemoveHttpFrontend.__struct_fields__) & set(Frontend.__struct_fields__) - {"certificate"})

FrontendKey = tuple[str, str, str, str, str, str]
BackendKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ConfigState:
    """All facts of one revision. The two groupings say what hangs on a cluster; they follow from the facts."""

    revision: int = 0
    listeners: Mapping[str, Listener] = field(default_factory=dict)
    clusters: Mapping[str, Cluster] = field(default_factory=dict)
    frontends: Mapping[FrontendKey, Frontend] = field(default_factory=dict)
    backends: Mapping[BackendKey, Backend] = field(default_factory=dict)
    certificates: Mapping[str, Certificate] = field(default_factory=dict)
    overrides: Mapping[str, Overrides] = field(default_factory=dict)
    # Not compared: they follow from the tables, and a group's order of arrival would make equal states differ.
    frontend_keys: Grouping[str, FrontendKey] = field(default_factory=Grouping, compare=False, repr=False)
    backend_keys: Grouping[str, BackendKey] = field(default_factory=Grouping, compare=False, repr=False)

    def at(self, revision: int) -> "ConfigState":
        """The same facts under another number: a worker's state after Load, whose orders were not counted one by one."""
        # `dict(…)` makes tables that fit: where 10,000 entries have shrunk to 10, the dict has 290 kB before and 350 bytes after.
        return replace(self, revision=revision)

    def facts(self) -> Iterator[AnyFact]:
        """Every fact in rank order: settings, listeners, certificates, clusters, frontends, backends."""
        for table in _in_rank_order(self):
            yield from table.values()

    def packed(self) -> "ConfigState":
        """The same in tables no larger than they need to be: a dict from which much was taken keeps its size."""
        return replace(
            self,
            listeners=dict(self.listeners),
            clusters=dict(self.clusters),
            frontends=dict(self.frontends),
            backends=dict(self.backends),
            certificates=dict(self.certificates),
            frontend_keys=self.frontend_keys.copy(),
            backend_keys=self.backend_keys.copy(),
        )

    @property
    def size(self) -> int:
        """How many facts there are."""
        return sum(map(len, _in_rank_order(self)))

    @property
    def override(self) -> Overrides:
        """What orders say of the settings."""
        return self.overrides.get(Overrides.KEY, Overrides())

    def frontends_of(self, cluster: str) -> list[Frontend]:
        """The frontends that lead to a cluster."""
        return [self.frontends[key] for key in self.frontend_keys.members(cluster)]

    def backends_of(self, cluster: str) -> list[Backend]:
        """The backends of a cluster."""
        return [self.backends[key] for key in self.backend_keys.members(cluster)]


def same_facts(one: ConfigState, other: ConfigState) -> bool:
    """Whether two states say the same, whatever their revisions."""
    # As dicts compare, which do not ask for the order. It tells one thing, the default among certificates.
    return one.at(0) == other.at(0) and _defaults(one, one.certificates.values()) == _defaults(other, other.certificates.values())


def digest(state: ConfigState) -> str:
    """A short text that two states have in common when they say the same, however they came to it. Takes a while where there is much."""
    # The workers are processes of their own, each with its own order of sets and dicts.
    encoder = msgspec.json.Encoder(order="deterministic")
    facts = sorted(encoder.encode((type(fact).__name__, fact)) for fact in state.facts())
    return sha256(b"\n".join(facts)).hexdigest()[:16]


def diff(before: ConfigState, after: ConfigState) -> list[AnyOrder]:
    """The orders that make `before` say what `after` says: additions and replacements in rank order, then removals in reverse.

    Two exceptions to that order: a frontend that moves to another cluster is removed first, since adding it while
    another cluster owns it is refused; and a listener ceases to speak TLS last, when no certificate is for it any more.
    Behind it all certificates change places, where a listener would have another default. The whole list is one transaction, so no
    request sees the gap.
    """
    # In pairs: of each kind what was and what will be. Facts are compared by value, so a state that was read from a file is no
    # change.
    tables = list(zip(_in_rank_order(before), _in_rank_order(after), strict=True))
    ceasing = [listener for listener in after.listeners.values() if _ceases(before.listeners.get(listener.address), listener)]
    additions = [addition(fact) for old, new in tables for key, fact in new.items() if old.get(key) != fact and fact not in ceasing]
    removals = [removal(fact) for old, new in reversed(tables) for key, fact in old.items() if key not in new]
    return [*_moves(before, after), *additions, *removals, *map(addition, ceasing), *_changes_of_places(before, after)]


def orders_of(state: ConfigState) -> list[AnyOrder]:
    """The orders that build this state from nothing."""
    return [addition(fact) for fact in state.facts()]


def addition(fact: AnyFact) -> AnyOrder:
    """The order that adds this fact, or replaces the one of the same key."""
    values = msgspec.structs.asdict(fact)
    match fact:
        case Listener():
            return AddListener(**values)
        case Cluster():
            return AddCluster(**values)
        case Frontend():
            return AddHttpFrontend(**values)
        case Backend():
            return AddBackend(**values)
        case Overrides():
            return UpdateSettings(**values)
        case Certificate():
            return AddCertificate(**values, force=True)  # it is held already, valid or not


def removal(fact: AnyFact) -> AnyOrder:
    """The order that removes this fact."""
    match fact:
        case Listener(protocol=protocol, address=address):
            return RemoveListener(protocol=protocol, address=address)
        case Cluster(cluster=cluster):
            return RemoveCluster(cluster=cluster)
        case Frontend():
            return RemoveHttpFrontend(**{name: getattr(fact, name) for name in _NAMING})
        case Backend(cluster=cluster, address=address):
            return RemoveBackend(cluster=cluster, address=address)
        case Overrides():
            return UpdateSettings(**dict.fromkeys(Overrides.__struct_fields__))
        case Certificate(fingerprint=fingerprint):
            return RemoveCertificate(fingerprint=fingerprint, force=True)  # those that need it have gone or changed by then


def _in_rank_order(state: ConfigState) -> tuple[Mapping[str, AnyFact], ...]:
    tables: Iterable[Mapping[str, AnyFact]] = (
        # A rank names only what stands before it: certificates their listeners, clusters and frontends their certificates,
        # frontends and backends their clusters. So additions in this order meet what they need, and removals in reverse leave
        # nothing that needs them.
        state.overrides,
        state.listeners,
        state.certificates,
        state.clusters,
        state.frontends,  # type: ignore[assignment]  # keys are only ever compared with keys of their own kind
        state.backends,
    )
    return tuple(tables)


def _ceases(before: Listener | None, after: Listener) -> bool:
    return before is not None and before.protocol is Protocol.HTTPS and after.protocol is not Protocol.HTTPS


def _moves(before: ConfigState, after: ConfigState) -> list[AnyOrder]:
    return [
        removal(fact)
        for key, fact in before.frontends.items()
        if (successor := after.frontends.get(key)) is not None and successor.cluster != fact.cluster
    ]


def _changes_of_places(before: ConfigState, after: ConfigState) -> list[AnyOrder]:
    """Puts the default certificates first, in their order, where additions and removals alone leave a listener with another."""
    wanted = _defaults(after, after.certificates.values())
    serving = [key for key, one in after.certificates.items() if not one.for_backends]
    # As they stand by then: who was there keeps his place, also if he has changed, and who is new comes last.
    standing = [key for key in before.certificates if key in after.certificates and not after.certificates[key].for_backends]
    standing += [key for key in serving if key not in before.certificates]
    defaults = set(wanted.values())
    orders: list[AnyOrder] = []
    for place, key in enumerate([key for key in serving if key in defaults]):
        if _defaults(after, [after.certificates[each] for each in standing]) == wanted:
            break
        if (other := standing[place]) != key:
            orders += _change_of_place(after, other, key)
            standing.remove(key)
            standing[place] = key
            standing.append(other)
    return orders


def _change_of_place(state: ConfigState, other: str, key: str) -> list[AnyOrder]:
    """One certificate takes the place of another, which comes last; then all is said again that the replacement said."""
    # Not removed and added again, all those that stand before it: there may be thousands, each with frontends that are pinned to it.
    one = addition(state.certificates[key])
    said = {name: getattr(one, name) for name in GivenCertificate.__struct_fields__} | {"force": True}
    named: list[AnyFact] = [cluster for cluster in state.clusters.values() if cluster.tls is not None and cluster.tls.certificate == other]
    named += [frontend for frontend in state.frontends.values() if frontend.certificate == other]
    return [ReplaceCertificate(fingerprint=other, replacement=key, **said), addition(state.certificates[other]), *map(addition, named), one]


def _defaults(state: ConfigState, certificates: Iterable[Certificate]) -> dict[str, str]:
    """The default certificate of each listener of this state, were these the certificates in this order (`table.CertificateTable` asks the same)."""
    found: dict[str, str] = {}
    left = {each.address for each in state.listeners.values() if each.protocol is Protocol.HTTPS}
    for one in certificates:
        if not left:
            break
        if not one.for_backends:
            served = left.intersection(one.listeners) if one.listeners else left
            found |= dict.fromkeys(served, one.fingerprint)
            left = left - served
    return found
