"""What a head means for us: all that follows from its bytes and the tables alone, worked out once and remembered with the head (heads.py).

Pure: views in, facts out. Grammar is before this (sozu.parsers.views); what depends on the moment or on the connection (who asks, which
backend, how far a connection may go on) is after it, in session.py and exchange.py.
"""

from typing import Final

import msgspec

from sozu.command.paths import Route
from sozu.command.routes import RouteTable
from sozu.parsers.body import NO_BODY, UNTIL_CLOSE, Framing, Length, request_framing, response_framing
from sozu.parsers.reasons import Refusal
from sozu.parsers.views import RequestView, ResponseView
from sozu.proxy.forwarding import asked_for, downstream_head, hostname, keeps_alive, upstream_head
from sozu.proxy.heads import DATE
from sozu.proxy.policy.hops import COUNTED, hops_left, via
from sozu.proxy.stream import HEAD_SIZE

IDEMPOTENT: Final = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"TRACE"))  # RFC 9110 section 9.2.2
NOT_SIMPLE: Final = -1


class Asked(msgspec.Struct, frozen=True, gc=False):
    """What a request asks for. After a framing that is a Refusal, the rest says nothing.

    `keep`: the client wants to go on with its connection; `head`: what a backend gets, but for our own lines and the empty one.
    """

    view: RequestView
    framing: Framing | Refusal
    keep: bool = False
    authority: bytes = b""
    target: bytes = b""
    route: Route | None = None
    head: bytes = b""
    idempotent: bool = False
    last_hop: bool = False


class Answered(msgspec.Struct, frozen=True, gc=False):
    """What a response says.

    `simple` is the size of a body that is small, after a head to which nothing is to be added but our own lines; else it is NOT_SIMPLE, and
    `framing` has to be worked out with the request's method, as for HEAD.
    `keep`: the backend wants to go on with its connection; `head`: what a client gets, but for our own lines and the empty one.
    """

    view: ResponseView
    framing: Framing
    simple: int
    keep: bool
    head: bytes


def understand_request(view: RequestView, listener: str, routes: RouteTable, name: str | None) -> Asked:
    """For a request that came to this listener; `name` is ours in Via fields, if we write any."""
    framing = request_framing(view)
    if framing is not NO_BODY and isinstance(framing, Refusal):
        return Asked(view, framing)
    authority, target = asked_for(view, listener)
    head = upstream_head(view, authority, target)
    if name is not None:
        head += via(name, view.minor)
    method = view.method
    return Asked(
        view,
        framing,
        keeps_alive(view),
        authority,
        target,
        routes.find(listener, hostname(authority), target),
        head,
        method in IDEMPOTENT,
        method in COUNTED and hops_left(view.passed_fields()) == 0,
    )


def understand_response(view: ResponseView, name: str | None) -> Answered:
    """See Answered; `name` as for requests."""
    framing = response_framing(view, b"GET")
    head = downstream_head(view)
    if name is not None:
        head += via(name, view.minor)
    if isinstance(framing, Refusal):
        return Answered(view, UNTIL_CLOSE, NOT_SIMPLE, False, head)
    simple = NOT_SIMPLE if view.more[DATE] is None else _small(framing)
    return Answered(view, framing, simple, keeps_alive(view), head)


def _small(framing: Framing) -> int:
    if framing is NO_BODY:
        return 0
    return framing.size if isinstance(framing, Length) and framing.size <= HEAD_SIZE else NOT_SIMPLE
