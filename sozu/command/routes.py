"""The route table: which cluster answers a request for this host and path on this listener? Pure, and read once per request.

The same table serves workers, `plan` and `explain`, so what they say is what happens. The most specific hostname goes first: the
name itself, then `*.suffix` (exactly one label more), then `*`. If no path rule of a hostname fits, the next more
general hostname is asked: a frontend for `blog.example.com/api` takes nothing away from `*.example.com/`. (nginx would answer
404 there; a user who adds a frontend does not expect other paths to stop working.)
A frontend for one listener goes before one for all listeners, where hostname and path are the same.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Self

from sozu.command.draft import Change
from sozu.command.facts import Cluster, Frontend
from sozu.command.grouping import Grouping
from sozu.command.paths import Paths, Route
from sozu.command.state import ConfigState, FrontendKey

__all__ = ["Route", "RouteTable"]

_ANY, _STAR = b"*", b"*."
_MOST_KNOWN, _LONGEST_KNOWN = 10_000, 255  # spellings of hosts whose rules are remembered, and their bytes: 5 MB at the most
_Frontends = dict[FrontendKey, Frontend]
_Touched = dict[bytes, _Frontends]  # hostname -> its frontends after the changes


class _Host:
    """The frontends of one hostname, and the path rules that follow from them for each listener."""

    __slots__ = ("everywhere", "frontends", "on_listener")

    def __init__(self, frontends: _Frontends, clusters: dict[str, Cluster]) -> None:
        self.frontends = frontends
        routes = [Route(frontend, clusters[frontend.cluster]) for frontend in frontends.values()]
        shared = [route for route in routes if route.frontend.listener is None]
        self.everywhere = Paths(shared)
        # A later rule of the same path replaces an earlier one: those for the listener alone come last.
        self.on_listener = {
            listener: Paths([*shared, *(route for route in routes if route.frontend.listener == listener)])
            for listener in {frontend.listener for frontend in frontends.values()} - {None}
        }

    def paths(self, listener: str) -> Paths:
        return self.on_listener.get(listener, self.everywhere)


@dataclass(frozen=True, slots=True)
class _Tables:
    """What a route table holds; a draft of the next one while it is written to."""

    hosts: dict[bytes, _Host] = field(default_factory=dict)
    clusters: dict[str, Cluster] = field(default_factory=dict)
    # Which hostnames have a route to a cluster: they are built anew when its settings change.
    cluster_hosts: Grouping[str, bytes] = field(default_factory=Grouping)

    def copy(self) -> "_Tables":
        return _Tables(self.hosts.copy(), self.clusters.copy(), self.cluster_hosts.copy())

    def apply(self, effects: Iterable[Change]) -> None:
        touched: _Touched = {}
        for change in effects:
            match change.after or change.before:
                case Cluster() as cluster:
                    self._apply_to_cluster(cluster, change, touched)
                case Frontend() as frontend:
                    self._apply_to_frontend(frontend, change, touched)
        for name, frontends in touched.items():
            self._rebuild(name, frontends)

    def _apply_to_cluster(self, cluster: Cluster, change: Change, touched: _Touched) -> None:
        if change.after is None:
            del self.clusters[cluster.cluster]
        else:
            self.clusters[cluster.cluster] = cluster
        for name in self.cluster_hosts.members(cluster.cluster):
            self._touch(name, touched)

    def _apply_to_frontend(self, frontend: Frontend, change: Change, touched: _Touched) -> None:
        frontends = self._touch(frontend.hostname.encode(), touched)
        if change.after is None:
            del frontends[frontend.key]
        else:
            frontends[frontend.key] = frontend

    def _touch(self, name: bytes, touched: _Touched) -> _Frontends:
        if name not in touched:
            host = self.hosts.get(name)
            touched[name] = dict(host.frontends) if host is not None else {}
        return touched[name]

    def _rebuild(self, name: bytes, frontends: _Frontends) -> None:
        host = self.hosts.pop(name, None)
        before = {frontend.cluster for frontend in host.frontends.values()} if host is not None else set()
        after = {frontend.cluster for frontend in frontends.values()}
        for cluster in before - after:
            self.cluster_hosts.remove(cluster, name)
        for cluster in after - before:
            self.cluster_hosts.add(cluster, name)
        if frontends:
            self.hosts[name] = _Host(frontends, self.clusters)


class RouteTable:
    """All routes of one revision. Never written to after it was built: `after` makes the next one."""

    __slots__ = ("_known", "_tables")

    def __init__(self, tables: _Tables | None = None) -> None:
        self._tables = tables if tables is not None else _Tables()
        self._known: dict[tuple[str, bytes], tuple[Paths, ...]] = {}  # what `_rules` said, for the hosts that are asked for

    @classmethod
    def of(cls, state: ConfigState) -> Self:
        """The table of a whole state."""
        tables = _Tables()
        tables.apply(Change(None, cluster) for cluster in state.clusters.values())
        tables.apply(Change(None, frontend) for frontend in state.frontends.values())
        return cls(tables)

    def after(self, effects: Collection[Change]) -> Self:
        """The table after these changes; only the hostnames that they name, or whose cluster they name, are built anew."""
        if not any(isinstance(change.after or change.before, Cluster | Frontend) for change in effects):
            return self
        tables = self._tables.copy()
        tables.apply(effects)
        return type(self)(tables)

    def find(self, listener: str, host: bytes, path: bytes) -> Route | None:
        """The route of a request, or None: 404.

        `listener` is the address as the state spells it; `host` is without its port, in any case; `path` may have a query.
        """
        for paths in self._known.get((listener, host)) or self._rules(listener, host):
            route = paths.sole or paths.find(path)
            if route is not None:
                return route
        return None

    def _rules(self, listener: str, host: bytes) -> tuple[Paths, ...]:
        """The path rules for a host as somebody wrote it, the most specific first. A table never changes, so they are looked up once."""
        normal = host.lower().removesuffix(b".")
        label, _, suffix = normal.partition(b".")
        names = (normal, _STAR + suffix if label else _ANY, _ANY)
        hosts = [self._tables.hosts[name] for name in dict.fromkeys(names) if name in self._tables.hosts]
        rules = tuple(host.paths(listener) for host in hosts)
        if rules and len(host) <= _LONGEST_KNOWN:
            if len(self._known) >= _MOST_KNOWN:  # clients may write what they like, and `*` takes it all
                self._known.clear()
            self._known[listener, host] = rules
        return rules
