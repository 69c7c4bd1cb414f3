"""What a head means for us: all that follows from its bytes and the tables alone, worked out once and remembered with the head (heads/).

Pure: views in, facts out. Grammar is before this (sozu.parsers.views); what depends on the moment or on the connection (who asks, which
backend, how far a connection may go on) is after it, in session.py and exchange.py.
"""

from collections.abc import Mapping
from typing import Final, Protocol

import msgspec

from sozu.command.facts import Cluster, Timeouts
from sozu.command.routes import RouteTable
from sozu.command.settings import Settings
from sozu.parsers.body import NO_BODY, UNTIL_CLOSE, Framing, Length, request_framing, response_framing
from sozu.parsers.heads.plain_path import BACKSLASH, DOT, PERCENT, SLASHES, plain_target
from sozu.parsers.reasons import Reason, Refusal, refusal
from sozu.parsers.views import RequestView, ResponseView
from sozu.proxy.edits import Special, special
from sozu.proxy.entry import Texts, texts_of
from sozu.proxy.forwarding import COLON, SLASH, asked_for, downstream_head, hostname, keeps_alive, upstream_head
from sozu.proxy.heads import DATE, USER_AGENT
from sozu.proxy.policy.hops import COUNTED, hops_left, via
from sozu.proxy.registry import Roster
from sozu.proxy.registry.terms.affinity import without_cookie
from sozu.proxy.stream import READ_SIZE

IDEMPOTENT: Final = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"TRACE"))  # RFC 9110 section 9.2.2
NOT_SIMPLE: Final = -1
NOBODY: Final[Mapping[str, Roster]] = {}
FINAL: Final = 200  # and above: the last response to a request


class Asked(msgspec.Struct, frozen=True, gc=False):
    """What a request asks for. After a framing that is a Refusal, only `texts` says something.

    `bare`: it is HTTP/1.1, has no body, asks for one (not HEAD), and is neither special nor sticky, so that a small response may be passed on as it comes.
    `usual`: besides, it has a `roster`, which takes it without more ado, and its client goes on.
    `keep`: the client wants to go on with its connection; `head`: what a backend gets, but for our own lines and the empty one.
    `special`: its frontend does more than to send it on; if it has yet to be admitted, there is no `cluster` so far, nor if this is its `last_hop`.
    `sticky`: what the cookie of the cluster says, empty if it has not come, None if there is no such; the backend does not get it.
    """

    view: RequestView
    framing: Framing | Refusal
    texts: Texts
    keep: bool = False
    head: bytes = b""
    cluster: Cluster | None = None
    timeouts: Timeouts = Timeouts()
    min_rate: int = 0
    idempotent: bool = False
    bare: bool = False
    last_hop: bool = False
    special: Special | None = None
    listener: str = ""
    sticky: bytes | None = None
    usual: bool = False
    roster: Roster | None = None  # of the cluster, as long as the tables are as they are


class Answered(msgspec.Struct, frozen=True, gc=False):
    """What a response says.

    `simple` is the size of a body that may come with its head, if it is final and nothing is to be added to that but our own lines; else it is NOT_SIMPLE, and
    `framing` has to be worked out with the request's method, as for HEAD.
    `keep`: the backend wants to go on with its connection; `head`: what a client gets, but for our own lines and the empty one.
    """

    view: ResponseView
    framing: Framing
    simple: int
    keep: bool
    head: bytes


def understand_request(view: RequestView, listener: str, routes: RouteTable, settings: Settings, scheme: bytes = b"http", rosters: Mapping[str, Roster] = NOBODY) -> Asked:  # noqa: PLR0917 - keywords cost on this path
    """For a request that came to this listener, in plain text or over TLS."""
    framing, method, agent = request_framing(view), view.method, view.more[USER_AGENT]
    # Nothing else is worked out for it: of a request that two readers could understand in two ways neither host nor route is to be believed.
    if framing is not NO_BODY and isinstance(framing, Refusal):
        return Asked(view, framing, texts_of(method, b"", view.target, agent, view.minor), listener=listener)
    authority, target = view.host, view.target
    # Nearly every head has a Host and a path, and needs no second look at either.
    if authority is None or target[0] != SLASH:
        authority, target = asked_for(view, listener)
    # One spelling for routes and backend alike: the rules for /admin could be passed by as /x/%2e%2e/admin, where a backend resolves what
    # a route table does not. PERCENT is a number because `in` is several times as fast then.
    if PERCENT in target or BACKSLASH in target or DOT in target or (settings.merge_slashes and SLASHES in target):
        plain = plain_target(target, merge_slashes=settings.merge_slashes, encoded_slashes=settings.encoded_slashes)
        if isinstance(plain, Reason):
            return Asked(view, refusal(plain), texts_of(method, authority, target, agent, view.minor), listener=listener)
        target = plain
    route = routes.find(listener, hostname(authority) if COLON in authority else authority, target, view)
    cluster = None if route is None else route.cluster
    # A flag of the route: to look at the cluster itself for each of its settings would be a walk through objects that are in no cache.
    own = None if route is None or not route.own_terms else route.cluster
    specially = None if route is None or not route.special else special(route, scheme, authority, target)
    head = upstream_head(view, authority, target) if specially is None else specially.head(view)
    # Behind the lines of those before us: the order of Via is the way that the message has come (RFC 9110 section 7.6.3).
    if settings.via is not None:
        head += via(settings.via, view.minor)
    sticky: bytes | None = None
    if own is not None and own.sticky is not None:
        # b"" is not None: there is a cookie to be given to who has none yet, so that even this answer needs care.
        head, sticky = without_cookie(head, own.sticky.encode())
    # It may be remembered with the head: whoever publishes other rosters has all entrances forget (Entrances.follow).
    roster = None if cluster is None else rosters.get(cluster.cluster)
    # The field means nothing to other methods (RFC 9110 section 7.6.2), so GET never pays for the look.
    last_hop = method in COUNTED and hops_left(view.passed_fields()) == 0
    # To HEAD the same response has no body, and an HTTP/1.0 client needs other fields: both take the careful way.
    bare = framing is NO_BODY and view.minor == 1 and method != b"HEAD" and specially is None and sticky is None
    keep = keeps_alive(view)
    return Asked(
        view,
        framing,
        texts_of(method, authority, target, agent, view.minor),
        keep,
        head,
        # None sends each of them through Exchange._admitted: no way to a backend goes past the gate.
        None if last_hop or (specially is not None and specially.is_guarded) else cluster,
        # Worked out here, not in the exchange: it follows from the tables, which the memory of heads lives no longer than.
        settings.timeouts if own is None or own.timeouts is None else own.timeouts,
        settings.min_rate if own is None or own.min_rate is None else own.min_rate,
        method in IDEMPOTENT,
        bare,
        last_hop,
        specially,
        listener,
        sticky,
        # What a single callback can do: terms may have it wait, and a client that ends its connection has to be told so in the answer.
        bare and keep and roster is not None and roster.terms is None and not last_hop,
        roster,
    )


def understand_response(view: ResponseView, name: str | None) -> Answered:
    """See Answered; `name` is ours in Via fields, if we write any."""
    # As for GET, whatever was asked: for HEAD, the one method that matters here, a request is not `bare`, and its exchange asks anew.
    framing = response_framing(view, b"GET")
    head = downstream_head(view)
    if name is not None:
        head += via(name, view.minor)
    if isinstance(framing, Refusal):
        # The framing is a filler: what is not simple has it worked out again, and is refused there (Exchange._framing).
        return Answered(view, UNTIL_CLOSE, NOT_SIMPLE, False, head)
    # Without a Date one has to be added (RFC 9110 section 6.6.1), which is about the moment and so cannot be remembered.
    simple = NOT_SIMPLE if view.more[DATE] is None or view.status < FINAL else _at_once(framing)
    return Answered(view, framing, simple, keeps_alive(view), head)


class Telling(Protocol):
    """Whoever has something to say to the client besides."""

    @property
    def cookie(self) -> bytes:
        """A field line, or nothing."""


def treated(answered: Answered, special: Special | None, name: str | None, teller: Telling | None = None) -> Answered:
    """What a response says to a client whose frontend edits it, or who is given a cookie."""
    view = answered.view if special is None else special.response(answered.view)
    # Lines are added to what has passed, so a Set-Cookie of the backend's own stays (RFC 6265 section 3: several may come, and are not joined).
    if teller is not None and teller.cookie:
        said = (getattr(view, field) for field in ResponseView.__struct_fields__[1:])
        # A response with a cookie is one client's: it is understood anew and remembered nowhere.
        view = ResponseView(view.passed_fields() + teller.cookie, *said)
    return answered if view is answered.view else understand_response(view, name)


def _at_once(framing: Framing) -> int:
    if framing is NO_BODY:
        return 0
    return framing.size if isinstance(framing, Length) and framing.size <= READ_SIZE else NOT_SIMPLE
