"""The frontends of one hostname, and the path rules that follow from them, by position and listener. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from sozu.command.facts import Cluster, Frontend, Position
from sozu.command.routing.paths import AnyPaths, Route, paths_of

_PLACES: Final = {position: place for place, position in enumerate(Position)}
_NOWHERE: Final[Mapping[str | None, AnyPaths]] = {}


class _Tier:
    """The rules of one position."""

    __slots__ = ("everywhere", "on_listener")

    def __init__(self, routes: list[Route]) -> None:
        shared = [route for route in routes if route.frontend.listener is None]
        self.everywhere = paths_of(shared) if shared else None
        # A later rule of the same path replaces an earlier one: those for the listener alone come last.
        # Each listener that has rules of its own gets all rules, the shared ones too: a request then asks one table, and not two whose answers would
        # have to be compared for the longest prefix.
        own = {
            listener: paths_of([*shared, *(route for route in routes if route.frontend.listener == listener)])
            for listener in {route.frontend.listener for route in routes} - {None}
        }
        self.on_listener = own or _NOWHERE


class Host:
    """One hostname. What it says never changes; the rules that follow are sorted when first asked for, since of ten thousand hosts few are at a time."""

    __slots__ = ("_clusters", "_tiers", "frontends")

    def __init__(self, frontends: tuple[Frontend, ...], clusters: dict[str, Cluster]) -> None:
        self.frontends = frontends
        # The clusters as they are now: a route carries its cluster's settings. Whoever builds tables makes a host anew when one of its clusters
        # changes (`cluster_hosts`), so these are never old.
        self._clusters = tuple([clusters[each.cluster] for each in frontends])
        self._tiers: tuple[_Tier | None, ...] = ()

    def paths(self, position: Position, listener: str) -> AnyPaths | None:
        """The path rules of this position that hold on this listener, if there are any."""
        # Sorted by the first request that asks; nothing in here switches greenlets, so no second one meets a half-made table.
        tier = (self._tiers or self._sorted())[_PLACES[position]]
        return None if tier is None else tier.on_listener.get(listener, tier.everywhere)

    def _sorted(self) -> tuple[_Tier | None, ...]:
        routes = [Route(each, cluster, is_special(each), has_own_terms(cluster)) for each, cluster in zip(self.frontends, self._clusters, strict=True)]
        by_position = ([route for route in routes if route.frontend.position is position] for position in Position)
        self._tiers = tuple(_Tier(found) if found else None for found in by_position)  # a tuple: of ten thousand hosts nearly all have one
        return self._tiers


def is_special(frontend: Frontend) -> bool:
    """Does it do more with its requests than to send them on?"""
    # Worked out once for a route, since each request asks: a plain one pays for one look at a flag. A setting that frontends get later has to be
    # named here, or it would have no effect.
    gated = frontend.deny or frontend.redirect or frontend.allow_from or frontend.deny_from or frontend.basic_auth or frontend.rate or frontend.forward_auth
    edited = frontend.replace_prefix or frontend.rewrite_host or frontend.request_headers or frontend.response_headers or frontend.hsts
    return bool(gated or edited)


def has_own_terms(cluster: Cluster) -> bool:
    """Does it say something that is looked at for each request, or do the settings say it all?"""
    # What the head's meaning depends on, and is remembered with it. Other terms (a limit for bodies, queues, retries) are asked of the cluster when
    # they are needed.
    return cluster.sticky is not None or cluster.timeouts is not None or cluster.min_rate is not None


def clusters_of(frontends: Iterable[Frontend]) -> set[str]:
    """Where these frontends lead."""
    return {frontend.cluster for frontend in frontends}
