"""How orders may write what a frontend does with its requests; what makes no sense is an Objection. Pure."""

from typing import Any, Final

import msgspec

from sozu.command.edits.facts import BasicAuth, ForwardAuth, HeaderEdit, Hsts, Redirect
from sozu.command.edits.networks import BadNetwork, normal_network
from sozu.command.edits.passwords import BadHash, read_hash
from sozu.command.edits.templates import BadTemplate, read_template
from sozu.command.orders import AddHttpFrontend
from sozu.command.rules.objections import Objection
from sozu.command.rules.spellings import check_id, path_in
from sozu.parsers.abnf import FIELD_BYTES, TCHAR, VCHAR, WSP
from sozu.parsers.heads.known_fields import DROPPED_FROM_REQUESTS, DROPPED_FROM_RESPONSES
from sozu.parsers.result import Error
from sozu.parsers.uri import parse_authority

DENIALS: Final = (401, 403)
# Those that browsers follow (RFC 9110 15.4); 300 and 304 mean something else, 305 and 306 are gone.
REDIRECTS: Final = (301, 302, 303, 307, 308)
LOCATION_PLACES: Final = ("scheme", "host", "path", "query", "rest")
# What says where a message ends and when its body comes is worked out for each side: an edit of it would make two readers see two messages (RFC 9112
# 11.2).
FRAMING: Final = frozenset((b"content-length", b"transfer-encoding", b"trailer", b"expect"))
# What ends at the proxy is its own to write; Host has `rewrite_host`, which tells the old one in X-Forwarded-Host; Date is the origin's or the
# clock's (RFC 9110 6.6.1). A prefix that is not replaced may be told all the same: an origin may know nothing of where it stands.
_NEVER = {"request_headers": DROPPED_FROM_REQUESTS - {b"x-forwarded-prefix"} | FRAMING | {b"host"}, "response_headers": DROPPED_FROM_RESPONSES | FRAMING | {b"date"}}
_VISIBLE, _TOKEN, _VALUE = frozenset(VCHAR), frozenset(TCHAR), frozenset(FIELD_BYTES)
# Each edit that sets or removes is a search through all lines of a head.
_MOST, _LONGEST = 100, 8192  # header edits of one head, characters of a value
_YEAR, _LONGEST_AGE = 31_536_000, 315_360_000  # seconds
# An own answer is made with these; a second Content-Type or Location of an operator's would leave it to the client which of them counts.
_OWN = ("cache-control", "content-type", "location", "retry-after", "www-authenticate")
_QUOTED = frozenset('"\\')


def edits_in(order: AddHttpFrontend) -> dict[str, Any]:
    """The settings of a frontend that say what is done with its requests, in normal form. Raises Objection."""
    if order.deny is not None and order.deny not in DENIALS:
        raise Objection(f"a request is denied with 401 or 403, not {order.deny}", "deny")
    # Both end the request at the gate, so one of them would silently mean nothing.
    if order.deny is not None and order.redirect is not None:
        raise Objection("what is denied is not redirected", "redirect")
    return {
        "deny": order.deny,
        "redirect": order.redirect if order.redirect is None else _redirect(order.redirect),
        "allow_from": networks_in(order.allow_from, "allow_from"),
        "deny_from": networks_in(order.deny_from, "deny_from"),
        "basic_auth": order.basic_auth if order.basic_auth is None else _basic_auth(order.basic_auth),
        "replace_prefix": _prefix(order),
        "rewrite_host": order.rewrite_host if order.rewrite_host is None else _authority(order.rewrite_host),
        "request_headers": _headers(order.request_headers, "request_headers"),
        "response_headers": _headers(order.response_headers, "response_headers"),
        "forward_auth": order.forward_auth if order.forward_auth is None else _forward_auth(order.forward_auth),
        "rate": order.rate,
        "hsts": order.hsts if order.hsts is None else _hsts(order.hsts),
    }


def _redirect(redirect: Redirect) -> Redirect:
    if redirect.status not in REDIRECTS:
        raise Objection(f"a redirect has one of the statuses {', '.join(map(str, REDIRECTS))}", "redirect.status")
    # The scheme is written here or is ours: a template that began with `{path}` or `{rest}` would be a URL of the request's own making.
    if not redirect.to.startswith(("/", "https://", "http://", "{scheme}://")):
        raise Objection('a redirect leads to a path or a URL: "/new{rest}", "https://{host}{path}{query}"', "redirect.to")
    # It becomes a Location line as it stands. With a CR or LF in it the answer would have lines of somebody else's (response splitting).
    if not _VISIBLE.issuperset(redirect.to.encode()):
        raise Objection("a URL holds visible ASCII characters only; write others as %C3%BC and the like", "redirect.to")
    try:
        read_template(redirect.to, LOCATION_PLACES)
    except BadTemplate as error:
        raise Objection(str(error), "redirect.to") from error
    return redirect


def networks_in(texts: tuple[str, ...], field: str) -> tuple[str, ...]:
    """Networks in their one spelling, each once. Raises Objection."""
    found = []
    for index, text in enumerate(texts):
        try:
            found.append(normal_network(text))
        except BadNetwork as error:
            raise Objection(str(error), f"{field}.{index}") from error
    return tuple(sorted(set(found)))


def _basic_auth(auth: BasicAuth) -> BasicAuth:
    if not auth.users:
        raise Objection("nobody could come in: name at least one user", "basic_auth.users")
    # The gate writes it between quotes without escaping, so neither quote nor backslash may be in it (RFC 9110 5.6.4).
    if not auth.realm.isascii() or not auth.realm.isprintable() or not _QUOTED.isdisjoint(auth.realm):
        raise Objection("a realm is printable ASCII without quotes", "basic_auth.realm")
    names: set[str] = set()
    for index, user in enumerate(auth.users):
        # RFC 7617 2: the first colon ends the user's name. A second user of the same name would take the place of the first in the worker's table
        # without a word.
        if not user.name or ":" in user.name or not user.name.isprintable() or user.name in names:
            raise Objection(f'"{user.name}" is no name of its own: visible characters without ":"', f"basic_auth.users.{index}.name")
        names.add(user.name)
        try:
            # Read, not computed: that takes 80 ms on purpose. The worker reads it again, so what is refused here can never surprise it.
            read_hash(user.hash)
        except BadHash as error:
            raise Objection(str(error), f"basic_auth.users.{index}.hash") from error
    return auth


def _forward_auth(auth: ForwardAuth) -> ForwardAuth:
    """The cluster may be added later: until then nobody passes."""
    check_id(auth.cluster, "cluster", "forward_auth.cluster")
    names = []
    for index, name in enumerate(auth.copy):
        # As strict as for edits of the request: the answer of another cluster must not frame or route what goes to this one.
        _check_name(name, "request_headers", f"forward_auth.copy.{index}")
        names.append(name.lower())
    return ForwardAuth(cluster=auth.cluster, path=_target(auth.path, "forward_auth.path"), copy=tuple(sorted(set(names))))


def _target(text: str, field: str) -> str:
    """A path, with a query or without."""
    # `path_in` knows paths alone, and would refuse the "?"; of the query nothing is normalised, since it belongs to whom it is sent.
    path, mark, query = text.partition("?")
    if not _VISIBLE.issuperset(query.encode()) or "#" in query or len(query) > _LONGEST:
        raise Objection(f'a query holds up to {_LONGEST} visible ASCII characters but "#"; write others as %C3%BC and the like', field)
    return path_in(path, field) + mark + query


def _prefix(order: AddHttpFrontend) -> str | None:
    if order.replace_prefix is None:
        return None
    # An expression has no prefix that all its paths share, and of an exact path nothing is left to be kept.
    if order.path_exact is not None or order.path_regex is not None:
        raise Objection("only a frontend with a prefix has one to replace", "replace_prefix")
    return path_in(order.replace_prefix, "replace_prefix")


def _authority(text: str) -> str:
    found = parse_authority(text.encode())
    if isinstance(found, Error) or not found.host or not text.isascii():
        raise Objection(f'"{text}" is no host, as in "app.internal" or "app.internal:8080"', "rewrite_host")
    # RFC 9110 4.2.3: hosts are case-insensitive, and one spelling makes one fact.
    return text.lower()


def _hsts(hsts: Hsts) -> Hsts:
    # Ten years at most. A browser obeys for so long, and nothing that the site says in plain text takes it back (RFC 6797 8.1): a mistake here is not
    # mended soon.
    if not 0 <= hsts.max_age <= _LONGEST_AGE:
        raise Objection(f"max_age is 0 to {_LONGEST_AGE} seconds", "hsts.max_age")
    # What the browsers' common list (hstspreload.org) asks for before it takes a host.
    if hsts.preload and not (hsts.include_subdomains and hsts.max_age >= _YEAR):
        raise Objection(f"a host is preloaded with its subdomains only, and for {_YEAR} seconds at least", "hsts.preload")
    return hsts


def _headers(edits: tuple[HeaderEdit, ...], field: str) -> tuple[HeaderEdit, ...]:
    if len(edits) > _MOST:
        raise Objection(f"{_MOST} changes of a head at most", field)
    for index, edit in enumerate(edits):
        _check_header(edit, field, f"{field}.{index}")
    return edits


def _check_name(name: str, field: str, place: str) -> None:
    if not name or not _TOKEN.issuperset(name.encode()):
        raise Objection(f'"{name}" is not the name of a field, as in "x-frame-options"', place)
    if name.lower().encode() in _NEVER[field]:
        raise Objection(f'the field "{name}" is the proxy\'s own business', place)


def _check_always(what: str, name: str, field: str, place: str) -> None:
    if field != "response_headers" or what == "remove":
        raise Objection("only what is set in responses, or added to them, can be in the proxy's own answers", place)
    if name.lower() in _OWN:
        raise Objection(f'the proxy\'s own answers have a "{name}" of their own', place)


def _check_header(edit: HeaderEdit, field: str, place: str) -> None:
    # Three optional fields and not one with a kind, as `set: X-Team` is what people write; so that it is exactly one is asked here.
    said = {name: value for name, value in msgspec.structs.asdict(edit).items() if name not in ("value", "always") and value is not None}
    if len(said) != 1:
        raise Objection("one of set, add and remove, with the name of a field", place)
    ((what, name),) = said.items()
    _check_name(name, field, f"{place}.{what}")
    if edit.always:
        _check_always(what, name, field, f"{place}.always")
    if what == "remove" and edit.value:
        raise Objection("what is removed has no value", f"{place}.value")
    # RFC 9110 5.5: a value has no CR, LF or NUL, by which a field could become two; blanks around it are no part of it, so they would be lost on the
    # way.
    if not _VALUE.issuperset(edit.value.encode()) or edit.value != edit.value.strip(WSP.decode()) or len(edit.value) > _LONGEST:
        raise Objection(f"a value has no control characters, no blanks at its ends, and {_LONGEST} characters at most", f"{place}.value")
