"""The route table: which cluster answers a request for this host and path on this listener? Pure, and read once per head.

The same table serves workers, `plan` and `explain`, so what they say is what happens (docs/routing.md has the rules in words). The most specific
hostname goes first: the name itself, then `*.suffix` (exactly one label more), then regular expressions, then `*`. If no rule of
a hostname takes the request, the next more general hostname is asked: a frontend for `blog.example.com/api` takes nothing away from
`*.example.com/`. (nginx would answer 404 there; a user who adds a frontend does not expect other paths to stop working.)
All this three times: for the frontends of position `pre`, of `tree`, where nearly all are, and of `post`.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Self

from sozu.command.draft import Change
from sozu.command.facts import Cluster, Frontend, Listener, Position
from sozu.command.grouping import Grouping
from sozu.command.routing.conditions import BareRequest, Request
from sozu.command.routing.hosts import Host, clusters_of
from sozu.command.routing.paths import AnyPaths, PathsInTurn, Route, by_length
from sozu.command.state import ConfigState, FrontendKey
from sozu.parsers.regex import Regex, compile_regex

__all__ = ["BareRequest", "Request", "Route", "RouteTable"]

_ANY, _STAR = b"*", b"*."
_MOST_KNOWN, _LONGEST_KNOWN = 20_000, 255  # spellings of hosts whose rules are remembered, and their bytes: 10 MB at the most
_GET: Final = BareRequest()
Frontends = dict[FrontendKey, Frontend]
_Touched = dict[str, Frontends]  # hostname, or expression -> its frontends after the changes


@dataclass(slots=True)
class _Tables:
    """What a route table holds; a draft of the next one while it is written to. An expression stands among the hosts as `/expression/`."""

    hosts: dict[bytes, Host] = field(default_factory=dict)
    clusters: dict[str, Cluster] = field(default_factory=dict)
    listeners: dict[str, Listener] = field(default_factory=dict)
    # Which hostnames have a route to a cluster: they are built anew when its settings change.
    cluster_hosts: Grouping[str, str] = field(default_factory=Grouping)
    regexes: tuple[tuple[Regex, Host], ...] = ()

    def copy(self) -> "_Tables":
        return _Tables(self.hosts.copy(), self.clusters.copy(), self.listeners.copy(), self.cluster_hosts.copy(), self.regexes)

    def apply(self, effects: Iterable[Change], touched: _Touched) -> None:
        """Note what changes; the hostnames that are `touched` are still to be built."""
        for change in effects:
            match change.after or change.before:
                case Cluster() as cluster:
                    self._apply_to_cluster(cluster, change, touched)
                # Those that pass connections on are asked before there is any request (`routing.passing`).
                case Frontend(passthrough=False) as frontend:
                    self._apply_to_frontend(frontend, change, touched)
                case Listener() as listener:
                    self._apply_to_listener(listener, change)

    def build(self, touched: _Touched) -> Iterator[Host | None]:
        """Build these hostnames, one in each step, and give what there was."""
        # Asked before the names are taken out; and collected at the end, once, since all expressions stand in one order.
        expressions = any(name.startswith("/") for name in touched)
        while touched:
            yield self._rebuild(*touched.popitem())
        if expressions:
            self._collect_regexes()

    def _apply_to_cluster(self, cluster: Cluster, change: Change, touched: _Touched) -> None:
        if change.after is None:
            del self.clusters[cluster.cluster]
        else:
            self.clusters[cluster.cluster] = cluster
        # A route holds its cluster's settings, so that a request need not look them up: when they change, those who hold them are
        # built anew.
        for name in self.cluster_hosts.members(cluster.cluster):
            self._touch(name, touched)

    def _apply_to_frontend(self, frontend: Frontend, change: Change, touched: _Touched) -> None:
        # By the key's hostname, which is `/expression/` for an expression.
        frontends = self._touch(frontend.key[1], touched)
        if change.after is None:
            del frontends[frontend.key]
        else:
            frontends[frontend.key] = frontend

    def _apply_to_listener(self, listener: Listener, change: Change) -> None:
        if change.after is None:
            del self.listeners[listener.address]
        else:
            self.listeners[listener.address] = listener

    def _touch(self, name: str, touched: _Touched) -> Frontends:
        if name not in touched:
            host = self.hosts.get(name.encode())
            # A dict of its own, copied once from the host that serves now: hosts never change, and a thousand changes to one
            # hostname build it once.
            touched[name] = {each.key: each for each in host.frontends} if host is not None else {}
        return touched[name]

    def _rebuild(self, name: str, frontends: Frontends) -> Host | None:
        host = self.hosts.pop(name.encode(), None)
        before = clusters_of(host.frontends) if host is not None else set()
        after = clusters_of(frontends.values())
        # Only what differs is written: each write to the index may copy a group.
        for cluster in before - after:
            self.cluster_hosts.remove(cluster, name)
        for cluster in after - before:
            self.cluster_hosts.add(cluster, name)
        if frontends:
            self.hosts[name.encode()] = Host(tuple(frontends.values()), self.clusters)
        return host

    def _collect_regexes(self) -> None:
        found = {name[1:-1].decode(): host for name, host in self.hosts.items() if name.startswith(b"/")}
        known = {regex.pattern: regex for regex, _ in self.regexes}  # thousands are more than the compiler remembers
        self.regexes = tuple((known.get(pattern) or compile_regex(pattern, fold=True), found[pattern]) for pattern in sorted(found, key=by_length))

    def hosts_for(self, name: bytes) -> list[Host]:
        """Those that take this name (in lower case, without a dot at the end), the most specific first."""
        label, _, suffix = name.partition(b".")
        # A client may write `*.example.com` or `*` for its host. The first is its own wildcard, and counts once; the second is
        # found at the end like any host, and must not be found twice.
        names = dict.fromkeys((name, _STAR + suffix)) if label and name != _ANY else ()
        named = [self.hosts[each] for each in names if each in self.hosts]
        named += [host for regex, host in self.regexes if regex.matches(name)]
        return [*named, self.hosts[_ANY]] if _ANY in self.hosts else named


class RouteTable:
    """All routes of one revision. Never written to after it was built: `after` makes the next one, `draft` does so in slices."""

    __slots__ = ("_known", "_tables")

    def __init__(self, tables: _Tables | None = None) -> None:
        self._tables = tables if tables is not None else _Tables()
        # What `_rules` said, by listener, for the hosts that are asked for.
        # Belongs to this table and goes with it: the answers of one revision are never asked of another, and nobody has to clear
        # anything.
        self._known: defaultdict[str, dict[bytes, AnyPaths]] = defaultdict(dict)

    @classmethod
    def of(cls, state: ConfigState) -> Self:
        """The table of a whole state."""
        tables, touched = _Tables(), _Touched()
        facts = (state.listeners, state.clusters, state.frontends)
        tables.apply((Change(None, fact) for kind in facts for fact in kind.values()), touched)
        deque(tables.build(touched), maxlen=0)
        return cls(tables)

    def after(self, effects: Collection[Change]) -> "RouteTable":
        """The table after these changes; only the hostnames that they name, or whose cluster they name, are built anew."""
        draft = self.draft()
        draft.after(effects)
        return draft.table()

    def packed(self) -> "RouteTable":
        """The same in tables no larger than they need to be."""
        return RouteTable(self._tables.copy())

    def draft(self) -> "RouteDraft":
        """The next table, to be built bit by bit."""
        return RouteDraft(self, self._tables)

    def find(self, listener: str, host: bytes, target: bytes, request: Request = _GET) -> Route | None:
        """The route of a request, or None: 404.

        `listener` is the address as the state spells it; `host` is without its port, in any case; `target` in its plain spelling may have a query.
        """
        # For nearly every request this line is the whole look-up: a name that was asked for before, and the one rule "/", which
        # needs no search.
        paths = self._known[listener].get(host) or self._rules(listener, host)
        return paths.sole or paths.find(target, request)

    def has_hostname(self, hostname: str) -> bool:
        """Has some frontend this very hostname (or wildcard)?"""
        return hostname.encode() in self._tables.hosts

    def listener(self, address: str) -> Listener | None:
        """The listener at this address."""
        return self._tables.listeners.get(address)

    def _rules(self, listener: str, host: bytes) -> AnyPaths:
        """The path rules for a host as somebody wrote it, in the order in which they are asked. A table never changes, so they are looked up once."""
        hosts = self._tables.hosts_for(host.lower().removesuffix(b"."))
        found = (each.paths(position, listener) for position in Position for each in hosts)
        rules = [paths for paths in found if paths is not None]
        # One rule is asked directly: a layer around it would cost each request a call.
        paths = rules[0] if len(rules) == 1 else PathsInTurn(rules)
        # Only names that somebody serves, and no endless ones: whoever asks for names that do not exist fills nothing.
        if rules and len(host) <= _LONGEST_KNOWN:
            known = self._known[listener]
            if len(known) >= _MOST_KNOWN:  # clients may write what they like, and `*` takes it all
                known.clear()
            known[host] = paths
        return paths


class RouteDraft:
    """A route table in the making. The one that it begins with goes on to serve, and is not touched."""

    __slots__ = ("_before", "_held", "_replaced", "_tables", "_touched")

    def __init__(self, before: RouteTable, held: _Tables) -> None:
        self._before = before
        self._held = held
        self._tables: _Tables | None = None
        self._touched = _Touched()
        self._replaced: list[Host | None] = []

    def after(self, effects: Collection[Change]) -> None:
        """Follow these changes."""
        # Backends are no part of the table. A transaction of ten thousand of them, the most frequent large one, copies nothing
        # here.
        if any(isinstance(change.after or change.before, Cluster | Frontend | Listener) for change in effects):
            if self._tables is None:
                # Once for the whole transaction, and only now: copied in each slice it would be a table for every four orders.
                self._tables = self._held.copy()
            self._tables.apply(effects, self._touched)

    def build(self) -> Iterator[None]:
        """Build what has changed, in steps: each hostname once, however many of its frontends come and go."""
        for host in self._tables.build(self._touched) if self._tables is not None else ():
            # Kept, since the table before would let go of all of them in the moment in which it goes itself: `forget` drops them
            # one by one.
            self._replaced.append(host)
            yield

    def table(self) -> RouteTable:
        """What came of it; the one before if nothing has changed. The draft is not to be written to any more."""
        # What is left to build, which is nothing where `build` was run before: so small changes may go without slices.
        deque(self.build(), maxlen=0)
        return self._before if self._tables is None else RouteTable(self._tables)

    def forget(self) -> Iterator[None]:
        """When the table before is gone: let go of what it had, in steps."""
        while self._replaced:
            # One by one, since the last reference to ten thousand hosts at once takes milliseconds in which no request is served.
            self._replaced.pop()
            yield
