"""The path rules of one hostname: which route does a path take? Pure; this is the inner half of `routes`.

An exact path goes before any prefix, a longer prefix before a shorter one. A prefix ends on the border of a segment: `/api` takes
`/api`, `/api/` and `/api/x`, not `/apix`; `/api/` takes what is below it, not `/api`. What follows "?" is not looked at.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sozu.command.facts import Cluster, Frontend

_SLASH, _QUERY = b"/", b"?"


class Route(NamedTuple):
    """Where a request goes, and why."""

    frontend: Frontend
    cluster: Cluster


class Paths:
    """The path rules of one hostname on one listener. `find` costs at most two look-ups per segment of the longest prefix."""

    __slots__ = ("_exact", "_longest", "_prefixes", "sole")

    def __init__(self, routes: Iterable[Route]) -> None:
        self._exact: dict[bytes, Route] = {}
        self._prefixes: dict[bytes, Route] = {}
        for route in routes:
            frontend = route.frontend
            if frontend.path_exact is not None:
                self._exact[frontend.path_exact.encode()] = route
            else:
                self._prefixes[(frontend.path or "/").encode()] = route
        self._longest = max(map(len, self._prefixes), default=0)
        # Nearly every hostname has the one rule "/": it takes whatever comes, so `find` need not be asked.
        alone = not self._exact and len(self._prefixes) == 1
        self.sole = self._prefixes.get(_SLASH) if alone else None

    def find(self, path: bytes) -> Route | None:
        """The route of this path, or None. What is no path (`*` of OPTIONS, an empty one) counts as "/"."""
        path = path.partition(_QUERY)[0]
        if not path.startswith(_SLASH):
            path = _SLASH
        return self._exact.get(path) or self._longest_prefix(path)

    def _longest_prefix(self, path: bytes) -> Route | None:
        prefixes = self._prefixes
        # No prefix is longer than the longest, so what a client writes beyond it cannot cost anything. One byte
        # more is kept: it tells whether a segment ends there.
        path = path[: self._longest + 1]
        route = prefixes.get(path)
        cut = len(path)
        while route is None and (cut := path.rfind(_SLASH, 0, cut)) >= 0:
            route = prefixes.get(path[: cut + 1]) or prefixes.get(path[:cut])
        return route
