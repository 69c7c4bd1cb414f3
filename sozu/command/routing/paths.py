"""The path rules of one hostname: which route does a path take? Pure; this is the inner half of `routes`.

An exact path goes before a regular expression, that before any prefix, a longer one before a shorter one. A prefix ends on the border of a segment:
`/api` takes `/api`, `/api/` and `/api/x`, not `/apix`; `/api/` takes what is below it, not `/api`. Of several frontends with one
path those for this listener alone go first, then those with methods, then those with more conditions; where none of them takes the
request, the next path is asked. What follows "?" is not looked at, and escapes are compared in upper case.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, TypeVar

from sozu.command.facts import Cluster, Frontend
from sozu.command.remembering import remembered
from sozu.command.routing.conditions import Conditions, Request, is_conditional
from sozu.parsers.heads.plain_path import PERCENT, upper_escapes
from sozu.parsers.regex import Regex, compile_regex

_SLASH, _QUERY = b"/", b"?"
_QUESTION_MARK: Final = 0x3F
_SHARED: Final = 4096  # prefixes
_FEW: Final = 8  # prefixes: up to here it is quicker to try each than to look up the path's segments

T = TypeVar("T", bytes, tuple[bytes, ...])


class Route(NamedTuple):
    """Where a request goes, and why."""

    frontend: Frontend
    cluster: Cluster
    special: bool = False  # does the frontend do more with its requests than to send them on?
    own_terms: bool = False  # does the cluster say how its requests are to be read: its timeouts, its rate, its cookie?


class Paths:
    """The path rules of one hostname on one listener, where none has conditions and none is a regular expression: nearly always."""

    __slots__ = ("_all", "_exact", "_few", "_longest", "_others", "_prefixes", "sole")

    def __init__(self, routes: Iterable[Route]) -> None:
        exact: dict[bytes, Route] = {}
        prefixes: dict[bytes, Route] = {}
        for route in routes:
            frontend = route.frontend
            if frontend.path_exact is not None:
                exact[frontend.path_exact.encode()] = route
            else:
                prefixes[_shared((frontend.path or "/").encode())] = route
        # None is told from a dict without a look-up, and nearly no host has exact paths.
        self._exact = exact or None
        self._longest = max(map(len, prefixes), default=0)
        self._all = prefixes.get(_SLASH)
        others = sorted((prefix for prefix in prefixes if prefix != _SLASH), key=len, reverse=True)
        self._others = _shared(tuple(others))
        # With few prefixes `_few` is all that is asked: the dict is dropped, for it would be held ten thousand times.
        self._prefixes = prefixes if len(others) > _FEW else _NOT_ASKED
        # The longest first; each with what is below it, for paths that are not the prefix itself.
        self._few = tuple((prefix, _shared(prefix.removesuffix(_SLASH) + _SLASH), prefixes[prefix]) for prefix in others[:_FEW])
        # Nearly every hostname has the one rule "/": it takes whatever comes, so `find` need not be asked.
        self.sole = None if others or exact else self._all

    def find(self, target: bytes, _: Request) -> Route | None:
        """The route of this target, or None."""
        path = compared(target)
        if self._exact is not None and (route := self._exact.get(path)):
            return route
        if len(self._others) > _FEW:
            return self._longest_prefix(path)
        # One call in C for all prefixes: most paths take none of them, and are done. It may say yes for `/apix` where the rule is `/api`; the loop
        # sees to the border of the segment.
        if path.startswith(self._others):
            for prefix, below, route in self._few:
                if path.startswith(below) or path == prefix:
                    return route
        return self._all

    def _longest_prefix(self, path: bytes) -> Route | None:
        return next((route for prefix in prefixes_of(path, self._longest) if (route := self._prefixes.get(prefix))), None)


class _Choice(NamedTuple):
    """A route, and on what condition."""

    route: Route
    conditions: Conditions | None


class ConditionalPaths:
    """The same where frontends have conditions or regular expressions."""

    __slots__ = ("_exact", "_longest", "_prefixes", "_regexes", "sole")

    def __init__(self, routes: Iterable[Route]) -> None:
        exact, prefixes, regexes = _Rules(), _Rules(), _Rules()
        for route in routes:
            frontend = route.frontend
            if frontend.path_exact is not None:
                exact.add(frontend.path_exact, route)
            elif frontend.path_regex is not None:
                regexes.add(frontend.path_regex, route)
            else:
                prefixes.add(frontend.path or "/", route)
        self.sole = None
        self._exact = {path.encode(): _choices(found) for path, found in exact.items()}
        self._prefixes = {path.encode(): _choices(found) for path, found in prefixes.items()}
        self._longest = max(map(len, self._prefixes), default=0)
        self._regexes: list[tuple[Regex, list[_Choice]]] = [
            (compile_regex(pattern), _choices(regexes[pattern])) for pattern in sorted(regexes, key=by_length)
        ]

    def find(self, target: bytes, request: Request) -> Route | None:
        """The route of this request, or None."""
        path = compared(target)
        # A path whose frontends all refuse the request falls through to the next step: a frontend with conditions takes nothing away from those
        # behind it.
        if (choices := self._exact.get(path)) and (route := _chosen(choices, target, request)):
            return route
        # One after the other, as there is no order among expressions that a table could use. Each is linear in the path, whatever it says.
        for regex, choices in self._regexes:
            if regex.matches(path) and (route := _chosen(choices, target, request)):
                return route
        for prefix in prefixes_of(path, self._longest):
            if (choices := self._prefixes.get(prefix)) and (route := _chosen(choices, target, request)):
                return route
        return None


_NOT_ASKED: Final[dict[bytes, Route]] = {}


@remembered(_SHARED)
def _shared(text: T) -> T:
    """One object for all equal ones: of ten thousand hosts most have the same prefixes, and what is one object stays in the processor's cache."""
    return text


class PathsInTurn:
    """Those of several hostnames that take one name, the most specific first, or of several positions."""

    __slots__ = ("_rules", "sole")

    def __init__(self, rules: Sequence["AnyPaths"]) -> None:
        self._rules = rules
        self.sole = None

    def find(self, target: bytes, request: Request) -> Route | None:
        """The route of this request, or None."""
        # `sole` first, as RouteTable does: nearly every hostname has one, and then the path need not be looked at.
        return next((route for paths in self._rules if (route := paths.sole or paths.find(target, request))), None)


AnyPaths = Paths | ConditionalPaths | PathsInTurn


def paths_of(routes: Sequence[Route]) -> AnyPaths:
    """The path rules of these routes; of two that differ in nothing but the listener, the later one holds."""
    # A hostname with a single condition pays for it in all its paths, the others pay nothing.
    plain = not any(route.frontend.path_regex is not None or is_conditional(route.frontend) for route in routes)
    return Paths(routes) if plain else ConditionalPaths(routes)


def compared(target: bytes) -> bytes:
    """The path of a target in its plain spelling, as rules are compared with it. What is no path (`*` of OPTIONS) counts as "/"."""
    # The tests for "?" and "%" are there for speed alone: nearly all targets have neither.
    path = target.partition(_QUERY)[0] if _QUESTION_MARK in target else target
    if PERCENT in path:
        path = upper_escapes(path)
    # RFC 9112 3.2.4: `OPTIONS *` is about the server as a whole; it goes where a request for "/" of that host would.
    return path if path.startswith(_SLASH) else _SLASH


def prefixes_of(path: bytes, longest: int) -> Iterable[bytes]:
    """The prefixes that take a path, the longest first: itself, then up to each of its slashes, with the slash and without."""
    # No rule is longer than the longest, so what a client writes beyond it cannot cost anything. One byte more is kept: it
    # tells whether a segment ends there.
    path = path[: longest + 1]
    yield path
    cut = len(path)
    while (cut := path.rfind(_SLASH, 0, cut)) >= 0:
        yield path[: cut + 1]
        yield path[:cut]


def by_length(pattern: str) -> tuple[int, str]:
    """Regular expressions are asked in this order: who writes more means less."""
    # A total order, so that the master, its workers and `explain` ask in the same one, in whatever order the frontends were added.
    return (-len(pattern), pattern)


class _Rules(dict[str, list[Route]]):
    """Routes by path or expression."""

    def add(self, rule: str, route: Route) -> None:
        self.setdefault(rule, []).append(route)


def _choices(routes: list[Route]) -> list[_Choice]:
    """Those of one path in the order in which they are asked."""
    return [
        _Choice(route, Conditions(route.frontend) if is_conditional(route.frontend) else None)
        for route in sorted(routes, key=_rank)
    ]


def _rank(route: Route) -> tuple[bool, bool, int, str]:
    frontend = route.frontend
    asked = len(frontend.headers) + len(frontend.query) + len(frontend.cookies)
    # Steps 4 to 6 of docs/routing.md, false before true. The text of the condition comes last and means nothing: it makes the order total.
    return (frontend.listener is None, not frontend.methods, -asked, frontend.condition)


def _chosen(choices: list[_Choice], target: bytes, request: Request) -> Route | None:
    for choice in choices:
        if choice.conditions is None or choice.conditions.hold(request, target):
            return choice.route
    return None
