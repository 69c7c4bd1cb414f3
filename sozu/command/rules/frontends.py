"""What orders may do to frontends. Pure."""

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any

from sozu.command.draft import Draft
from sozu.command.facts import Frontend
from sozu.command.nearest import nearest
from sozu.command.orders import AddHttpFrontend, RemoveHttpFrontend
from sozu.command.rules.certificates import check_pin, fingerprint_in
from sozu.command.rules.clusters import known_cluster
from sozu.command.rules.conditions import cookies_in, headers_in, methods_in, path_regex_in, query_in, regex_in
from sozu.command.rules.edits import edits_in
from sozu.command.rules.known import known_listener
from sozu.command.rules.names import frontend_name, place_name
from sozu.command.rules.objections import Objection, Unknown
from sozu.command.rules.passing import check_passthrough
from sozu.command.rules.spellings import address_in, hostname_in, path_in

# What most frontends do not say: of ten thousand each is asked for it, so it is asked for in one breath.
_edits = attrgetter(
    *("deny", "redirect", "allow_from", "deny_from", "basic_auth", "replace_prefix", "rewrite_host"),
    *("request_headers", "response_headers", "hsts", "forward_auth", "rate"),
)
_NO_EDITS = _edits(AddHttpFrontend(cluster=""))
_NOTHING_MORE: Mapping[str, Any] = {}


def add_frontend(draft: Draft, order: AddHttpFrontend) -> None:
    """Send a hostname and path to a cluster, or give a frontend that is there new settings."""
    cluster = known_cluster(draft, order.cluster).cluster  # that very text: ten thousand copies of it are a megabyte
    edits = edits_in(order) if _edits(order) != _NO_EDITS else _NOTHING_MORE
    # Spelled before anything is looked up: owner, pin and listener are found by the one spelling of keys.
    frontend = frontend_of(order, cluster, edits)
    if frontend.listener is not None:
        known_listener(draft, frontend.listener, "listener")
    if frontend.passthrough:
        check_passthrough(order, frontend)
    if frontend.certificate is not None:
        check_pin(draft, frontend)
    owner = draft.frontends.get(frontend.key)
    # An update may change settings, not the owner: else one team's `add` would take over another team's host without a word. Who means it removes the
    # frontend in the same transaction.
    if owner is not None and owner.cluster != frontend.cluster:
        raise Objection(f'{frontend_name(frontend)} already leads to cluster "{owner.cluster}"', "hostname")
    draft.put(frontend)


def remove_frontend(draft: Draft, order: RemoveHttpFrontend) -> None:
    """Take one frontend away."""
    known_cluster(draft, order.cluster)
    # By the same function as in `add_frontend`: so what was added can be removed in the very words in which it was added.
    wanted = frontend_of(order)
    frontend = draft.frontends.get(wanted.key)
    if frontend is None:
        raise Unknown(_no_such_frontend(wanted, draft.frontends_of(order.cluster)), "hostname")
    if frontend.cluster != order.cluster:
        raise Objection(f'{frontend_name(frontend)} leads to cluster "{frontend.cluster}"', "cluster")
    # Otherwise nothing happens, and that is no Objection: the old way of moving a frontend to a new certificate is to add it with that one, and then
    # to remove it with the old one. It is pinned to the new one by then, and stays.
    if wanted.certificate in (None, frontend.certificate):
        draft.take(frontend)


def _no_such_frontend(wanted: Frontend, known: Iterable[Frontend]) -> str:
    # Compared without what narrows a frontend: who forgot that it was exact, or for one listener, is told.
    names = {place_name(frontend): frontend_name(frontend) for frontend in known}
    meant = nearest(place_name(wanted), names)
    suggestion = f'; did you mean "{names[meant]}"?' if meant is not None else ""
    return f'cluster "{wanted.cluster}" has no frontend {frontend_name(wanted)}{suggestion}'


def frontend_of(order: AddHttpFrontend | RemoveHttpFrontend, cluster: str | None = None, edits: Mapping[str, Any] = _NOTHING_MORE) -> Frontend:
    """The frontend that an order names, in normal form; what is done with its requests are the `edits`. Raises Objection."""
    # The first question: what is said twice has no one spelling.
    _check_alternatives(order)
    return Frontend(
        cluster=cluster or order.cluster,
        # Of hostname and expression one is set, of the three path rules one at most (none of a passthrough): `Frontend.key` asks them in turn and
        # relies on it.
        hostname=hostname_in(order.hostname) if order.hostname_regex is None else "",
        hostname_regex=_hostname_regex(order.hostname_regex),
        path=path_in(order.path or "/", "path") if order.path_exact is None and order.path_regex is None and not order.passthrough else None,
        path_exact=path_in(order.path_exact, "path_exact") if order.path_exact is not None else None,
        path_regex=path_regex_in(order.path_regex) if order.path_regex is not None else None,
        position=order.position,
        listener=address_in(order.listener, "listener") if order.listener is not None else None,
        passthrough=order.passthrough,
        certificate=fingerprint_in(order.certificate, "certificate") if order.certificate is not None else None,
        **_conditions_of(order),
        **edits,
    )


def _conditions_of(order: AddHttpFrontend | RemoveHttpFrontend) -> dict[str, Any]:
    # Nearly all frontends ask nothing more, and each of ten thousand comes by here in a start.
    if not (order.methods or order.headers or order.query or order.cookies):
        return {}
    return {
        "methods": methods_in(order.methods),
        "headers": headers_in(order.headers),
        "query": query_in(order.query),
        "cookies": cookies_in(order.cookies),
    }


def _check_alternatives(order: AddHttpFrontend | RemoveHttpFrontend) -> None:
    if order.hostname and order.hostname_regex is not None:
        raise Objection("a frontend has a hostname or a hostname_regex, not both", "hostname_regex")
    # A prefix, or none: most of them, and nothing to compare.
    if order.path_exact is None and order.path_regex is None:
        return
    rules = [name for name in ("path", "path_exact", "path_regex") if getattr(order, name) is not None]
    if len(rules) > 1:
        raise Objection(f"a frontend has one path rule: {' or '.join(rules)}, not both", rules[-1])


def _hostname_regex(text: str | None) -> str | None:
    # `fold`, since hosts are compared in lower case (RFC 9110 4.2.3). The text stays as it was written: it is the key.
    if text is not None:
        regex_in(text, "hostname_regex", fold=True)
    return text
