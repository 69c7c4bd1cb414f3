"""Whose request would this be, and why not somebody else's? The answer to `explain`. Pure.

The route table itself says who takes the request. For the others the same table is asked about each alone, and about what is left of it
without its conditions and its path: so the reason that is told is the reason that there is.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

import msgspec

from sozu.command.certificates.table import CertificateTable
from sozu.command.draft import Change
from sozu.command.edits.facts import Redirect
from sozu.command.edits.templates import read_template
from sozu.command.facts import Certificate, Frontend, Listener, Protocol
from sozu.command.hostnames import BadHostname, normal_hostname
from sozu.command.nearest import nearest
from sozu.command.planning.changes import settings_of
from sozu.command.routes import BareRequest, RouteTable
from sozu.command.routing.passing import PassingTable
from sozu.command.rules.edits import LOCATION_PLACES
from sozu.command.rules.names import frontend_name, place_name
from sozu.command.settings import Settings
from sozu.command.state import ConfigState
from sozu.parsers.heads.plain_path import plain_target
from sozu.parsers.reasons import Reason

Verdict = Literal["takes it", "would take it", "no"]
# The answer has to fit into one frame, and with ten thousand frontends for `*` nobody reads further.
MOST_TOLD = 50  # frontends that do not take the request


class BadUrl(ValueError):
    """Not a URL that a request could be for."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A frontend, and why it takes the request or not."""

    frontend: str
    cluster: str
    verdict: Verdict
    why: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What becomes of a request at these listeners. `answer` says it in a sentence; `does` is what the frontend does besides sending it on."""

    listeners: tuple[str, ...]
    method: str
    host: str
    target: str
    answer: str
    cluster: str | None = None
    does: dict[str, object] = {}
    candidates: tuple[Candidate, ...] = ()
    certificates: tuple[str, ...] = ()


class Asked(NamedTuple):
    """A request that somebody asks about."""

    method: str
    host: str
    target: bytes
    fields: Mapping[str, str]
    scheme: str = ""  # as the URL says; empty if it does not
    port: int | None = None

    @property
    def bare(self) -> BareRequest:
        """As the route table looks at it."""
        # As lines of a head and not as a dict: the conditions then read them with the code that reads a client's.
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.fields.items())
        return BareRequest(self.method.encode(), lines.encode())


def explain(state: ConfigState, settings: Settings, asked: Asked, listener: str | None = None) -> list[Explanation]:
    """What becomes of a request; once for all listeners that do the same with it."""
    # Built for each question, and in the master's thread for slow work: it keeps no table of its own that could differ from the
    # workers'.
    table = RouteTable.of(state)
    accepting = [each for each in state.listeners.values() if each.active and each.protocol is not Protocol.TCP]
    found = list[tuple[Explanation, list[str]]]()
    for each in _meant(accepting, asked):
        if listener in (None, each.address):
            one = _at(each.address, state, settings, table, asked)
            # Equal by value: `_at` leaves the listeners out, so the ten listeners that do the same are told in one answer and not
            # in ten.
            same = next((listeners for other, listeners in found if other == one), None)
            if same is None:
                found.append((one, [each.address]))
            else:
                same.append(each.address)
    return [msgspec.structs.replace(one, listeners=tuple(listeners)) for one, listeners in found]


def _meant(listeners: list[Listener], asked: Asked) -> list[Listener]:
    """Those that the URL can mean; all, if it is none of them: something in front of us may speak TLS, or have another port."""
    # Two wishes, each dropped if nobody meets it: the URL that a user has in his address bar may be that of a load balancer before
    # us.
    speaking = [each for each in listeners if asked.scheme in ("", each.protocol)] or listeners
    return [each for each in speaking if asked.port is not None and each.address.endswith(f":{asked.port}")] or speaking


def asked_of(url: str, method: str = "GET", fields: Mapping[str, str] | None = None) -> Asked:
    """The request that a URL means; its scheme may be left out. Raises BadUrl."""
    try:
        # Without this, urlsplit takes "blog.example.com:80/x" for a URL whose scheme is "blog.example.com".
        parts = urlsplit(url if "://" in url else f"http://{url}")
        bare = parts.hostname or ""
        # urlsplit takes the brackets off an IPv6 address, and a hostname here has them. It looks at the port only when asked, and
        # raises ValueError then: so it is asked inside of the block.
        host, port = normal_hostname(f"[{bare}]" if ":" in bare else bare), parts.port
    except (ValueError, BadHostname) as error:
        raise BadUrl(f"{url!r} is not a URL as in http://blog.example.com/path: {error}") from error
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # None of these may stand in a request line (RFC 9112 section 3.2): to explain them would be to invent an answer.
    if not target.isascii() or not target.isprintable() or " " in target:
        raise BadUrl(f"{url!r}: write what is no ASCII, and spaces, as %20 and the like")
    return Asked(method, host, target.encode(), fields or {}, parts.scheme if "://" in url else "", port)


def _at(listener: str, state: ConfigState, settings: Settings, table: RouteTable, asked: Asked) -> Explanation:
    plain = plain_target(asked.target, merge_slashes=settings.merge_slashes, encoded_slashes=settings.encoded_slashes)
    told = Explanation(listeners=(), method=asked.method, host=asked.host, target=asked.target.decode(), answer=f"refused: {plain!s}")
    # The path is judged before anything is routed, as the worker does: a path that two programs might read in two ways reaches no
    # rule.
    if isinstance(plain, Reason):
        return told
    told = msgspec.structs.replace(told, target=plain.decode())
    passing = _passing(state, listener, table, asked.host)
    # Before the routes: on a connection that is passed on unopened there is never a request that we could see.
    if passing is not None:
        return msgspec.structs.replace(told, answer=f"its connection is passed on to cluster {passing.cluster}, unopened", cluster=passing.cluster)
    route = table.find(listener, asked.host.encode(), plain, asked.bare)
    winner = None if route is None else route.frontend
    # With the plain target: all rules are compared with it, so whoever looks at the raw one would tell other reasons than there
    # are.
    candidates = tuple(_candidates(state, listener, asked._replace(target=plain), winner))
    certificates = tuple(each.fingerprint for each in _certificates(state, listener, asked.host))
    if route is None:
        answer = _nobody(state, asked.host, candidates)
        return msgspec.structs.replace(told, answer=answer, candidates=candidates, certificates=certificates)
    does, cluster = settings_of(route.frontend), route.cluster.cluster
    answer = _answer(route.frontend, asked._replace(target=plain, scheme=str(state.listeners[listener].protocol)))
    return msgspec.structs.replace(told, answer=answer, cluster=cluster, does=does, candidates=candidates, certificates=certificates)


def _answer(frontend: Frontend, asked: Asked) -> str:
    """What its frontend does with a request; `asked` has its plain target, and the scheme of the listener."""
    cluster, redirect = frontend.cluster, frontend.redirect
    # There are never both: the rules refuse a redirect of what is denied (`edits_in`), so the order of these two means nothing.
    if redirect is not None:
        return f"the proxy answers {redirect.status} by itself, for cluster {cluster}: to {_location(frontend, redirect, asked)}"
    if frontend.deny is not None:
        return f"the proxy answers {frontend.deny} by itself, for cluster {cluster}"
    gates = [name for name in ("deny_from", "allow_from", "rate", "basic_auth", "forward_auth") if getattr(frontend, name)]
    return f"it goes to cluster {cluster}{', if it passes ' if gates else ''}{' and '.join(gates)}"


def _location(frontend: Frontend, redirect: Redirect, asked: Asked) -> str:
    path, question, query = asked.target.partition(b"?")
    rest = path.removeprefix((frontend.path or "/").rstrip("/").encode())
    values = {"scheme": asked.scheme.encode(), "host": asked.host.encode(), "path": path, "query": question + query, "rest": rest}
    location = read_template(redirect.to, LOCATION_PLACES).fill(values)
    # Two slashes at the beginning would name another host (RFC 3986 section 4.2): a rest of the path must not send clients away.
    return (b"/" + location.lstrip(b"/") if location.startswith(b"//") else location).decode()


def _nobody(state: ConfigState, host: str, candidates: Iterable[Candidate]) -> str:
    # A frontend for this host exists, so its name was not mistyped: a suggestion would lead astray.
    if candidates:
        return "404: no frontend takes it"
    known = nearest(host, {frontend.hostname for frontend in state.frontends.values()})
    meant = f'; did you mean "{known}"?' if known is not None else ""
    return f'404: no frontend is for "{host}"{meant}'


def _certificates(state: ConfigState, listener: str, host: str) -> tuple[Certificate, ...]:
    if state.listeners[listener].protocol is not Protocol.HTTPS:
        return ()
    return CertificateTable.of(state.certificates.values(), state.frontends.values()).find(listener, host)


def _passing(state: ConfigState, listener: str, table: RouteTable, host: str) -> Frontend | None:
    """Whose the connection is on which such a request would come."""
    if state.listeners[listener].protocol is not Protocol.HTTPS:
        return None
    passing = PassingTable().after(Change(None, frontend) for frontend in state.frontends.values())
    return passing.find(listener, host, shared=True, is_served=table.has_hostname)


# ---- the others --------------------------------------------------------------------------------


def _candidates(state: ConfigState, listener: str, asked: Asked, winner: Frontend | None) -> Iterator[Candidate]:
    """The one that takes it, then those for its hostname that do not."""
    if winner is not None:
        yield _told(winner, "takes it", _best_reason(winner))
    # A generator, and cut off at MOST_TOLD below: each judgement builds a small route table.
    others = (each for each in state.frontends.values() if not each.passthrough and (winner is None or each.key != winner.key))
    told = 0
    for frontend in others:
        if told < MOST_TOLD and _for_host(frontend, asked, state):
            told += 1
            yield _judged(frontend, state, listener, asked, winner)


def _judged(frontend: Frontend, state: ConfigState, listener: str, asked: Asked, winner: Frontend | None) -> Candidate:
    # From the plainest reason to the finest: the first one that holds is what a user has to change first.
    if frontend.listener not in (None, listener):
        return _told(frontend, "no", f"it is for the listener {frontend.listener} alone")
    if winner is not None and _takes(frontend, state, asked):
        return _told(frontend, "would take it", _why_later(frontend, winner))
    # Asked again without its conditions: if it takes the request then, they were the reason, and otherwise only the path is left.
    if _takes(_unconditional(frontend), state, asked):
        return _told(frontend, "no", "its conditions do not hold")
    return _told(frontend, "no", f"its path is another one: {place_name(frontend).removeprefix(frontend.hostname).lstrip()}")


def _takes(frontend: Frontend, state: ConfigState, asked: Asked) -> bool:
    """Does it take the request when it is alone?"""
    # A table of its own for this one frontend: the same code decides as for requests, where a second reading of the rules would
    # drift away.
    alone = ConfigState(
        clusters={frontend.cluster: state.clusters[frontend.cluster]},
        frontends={frontend.key: frontend},
    )
    return RouteTable.of(alone).find(frontend.listener or "", asked.host.encode(), asked.target, asked.bare) is not None


def _for_host(frontend: Frontend, asked: Asked, state: ConfigState) -> bool:
    if frontend.hostname_regex is None:
        # Names can be compared, which is quick; only for an expression, below, the table has to be asked, with a path that takes
        # all.
        label, _, suffix = asked.host.partition(".")
        return frontend.hostname in (asked.host, f"*.{suffix}" if label else "*", "*")
    bare = _unconditional(frontend)
    return _takes(msgspec.structs.replace(bare, path="/", path_exact=None, path_regex=None), state, asked)


def _unconditional(frontend: Frontend) -> Frontend:
    return msgspec.structs.replace(frontend, methods=(), headers=(), query=(), cookies=())


def _told(frontend: Frontend, verdict: Verdict, why: str) -> Candidate:
    return Candidate(frontend=frontend_name(frontend), cluster=frontend.cluster, verdict=verdict, why=why)


def _best_reason(frontend: Frontend) -> str:
    return f"of all that do, none stands before it ({_host_kind(frontend)}, {_path_kind(frontend)})"


def _why_later(frontend: Frontend, winner: Frontend) -> str:
    """The first thing by which one stands before the other (docs/routing.md)."""
    # From here on in the order of docs/routing.md, "Which frontend goes first": the first difference is the reason, and later ones
    # do not count.
    if frontend.position is not winner.position:
        return f"position {winner.position} is asked before {frontend.position}"
    if _host_rank(frontend) != _host_rank(winner):
        return f"{_host_kind(winner)} goes before {_host_kind(frontend)}"
    if _path_rank(frontend) != _path_rank(winner):
        return f"{_path_kind(winner)} goes before {_path_kind(frontend)}"
    if frontend.listener is None and winner.listener is not None:
        return "one for this listener alone goes before one for all"
    return "one with methods, or with more conditions, goes before one with less"


def _host_rank(frontend: Frontend) -> tuple[int, int]:
    if frontend.hostname_regex is not None:
        # With its length, since of two expressions the longer one is asked first (`by_length`): equals are only those of one
        # length.
        return 2, -len(frontend.hostname_regex)
    return (3, 0) if frontend.hostname == "*" else (int(frontend.hostname.startswith("*.")), 0)


def _host_kind(frontend: Frontend) -> str:
    return ("the hostname itself", "a hostname with a star", "a hostname by expression", "every host")[_host_rank(frontend)[0]]


def _path_rank(frontend: Frontend) -> tuple[int, int]:
    if frontend.path_exact is not None:
        return 0, 0
    if frontend.path_regex is not None:
        return 1, -len(frontend.path_regex)
    return 2, -len(frontend.path or "/")


def _path_kind(frontend: Frontend) -> str:
    kinds = ("the exact path", "a path by expression", f"the prefix {frontend.path or '/'}")
    return kinds[_path_rank(frontend)[0]]

