"""Frontends that can never match: every request that they are for goes to others, or nobody accepts where they listen. Pure.

Asked is the route table itself, so what is told here is what happens: each frontend gets requests made for it (`witnesses`), and the
table says whose they are. One that comes to the frontend is proof that it lives; where all go to others, they are named.
"""

from itertools import product

import msgspec

from sozu.command.facts import Frontend, Protocol
from sozu.command.planning.witnesses import Witness, absences, unsaid, witnesses
from sozu.command.routes import RouteTable
from sozu.command.rules.names import frontend_name
from sozu.command.state import ConfigState


class Shadow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A frontend that gets nothing, and why; `by` are those that take its requests."""

    frontend: str
    cluster: str
    why: str
    by: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As `sozu plan` shows it."""
        return f"frontend {self.frontend} of cluster {self.cluster} can never match: {self.why}"


def shadows(state: ConfigState) -> list[Shadow]:
    """All of them in this state that can be told for certain."""
    # One table for all, which is what workers will have; and absences of all frontends, since anyone's may decide about a request.
    table = RouteTable.of(state)
    absent, word = absences(state.frontends.values()), unsaid(state.frontends.values())
    listeners = [each.address for each in state.listeners.values() if each.active and each.protocol is not Protocol.TCP]
    found = (
        # In this order: a frontend at the wrong kind of listener gets nothing, whatever requests one could make for it.
        _misplaced(frontend, state) or (None if frontend.passthrough else _shadow(frontend, witnesses(frontend, absent, word), table, listeners))
        for frontend in state.frontends.values()
    )
    return [shadow for shadow in found if shadow is not None]


def _misplaced(frontend: Frontend, state: ConfigState) -> Shadow | None:
    """Is it for a listener that knows no such thing?"""
    # Only where it names a listener: one for all listeners is at home on some.
    listener = state.listeners.get(frontend.listener or "")
    if listener is None or listener.protocol is not (Protocol.HTTP if frontend.passthrough else Protocol.TCP):
        return None
    wanted = "there is no handshake to pass on" if frontend.passthrough else "it knows hostnames only with passthrough"
    return _told(frontend, f"the listener {listener.address} speaks {listener.protocol}, and {wanted}")


def _shadow(frontend: Frontend, made: list[Witness] | None, table: RouteTable, listeners: list[str]) -> Shadow | None:
    # Told although it may be wanted so for a while: the operator who has switched the listener off reads that he did.
    if frontend.listener is not None and frontend.listener not in listeners:
        return _told(frontend, f"the listener {frontend.listener} is not active")
    # A dict for its order: a plan that is made twice says the same twice.
    takers: dict[str, None] = {}
    for listener, (host, target, request) in product([frontend.listener] if frontend.listener else listeners, made or ()):
        route = table.find(listener, host, target, request)
        # One request that arrives is proof; the keys are compared, since the table's route and the state's frontend need not be one
        # object.
        if route is not None and route.frontend.key == frontend.key:
            return None
        if route is not None and _guessed(frontend, route.frontend):
            return None
        if route is not None:
            takers[f"{frontend_name(route.frontend)} of cluster {route.frontend.cluster}"] = None
    # No witness, or none that anybody takes: then nothing is certain, and nothing is told. A false alarm would teach people not to
    # read these.
    return _told(frontend, f"its requests go to {', '.join(takers)}", *takers) if takers else None


def _guessed(frontend: Frontend, taker: Frontend) -> bool:
    """Is what the taker's expression takes made up by us? Then it may leave all else."""
    matches = (*taker.headers, *taker.query, *taker.cookies)
    return (
        (taker.hostname_regex is not None and "*" in frontend.hostname)
        or (taker.path_regex is not None and frontend.path_exact is None)
        or any(match.regex is not None for match in matches)
    )


def _told(frontend: Frontend, why: str, *by: str) -> Shadow:
    return Shadow(frontend=frontend_name(frontend), cluster=frontend.cluster, why=why, by=by)
