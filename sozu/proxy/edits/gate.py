"""Who may pass: the rules of a frontend that end a request before any backend hears of it. In this order: addresses, rate, denial, redirect, password."""

from time import monotonic
from typing import Final, NamedTuple

from sozu.command.edits.networks import Networks
from sozu.command.edits.templates import Template, read_template
from sozu.command.facts import Frontend
from sozu.command.rules.edits import LOCATION_PLACES
from sozu.parsers.fields.credentials import basic
from sozu.parsers.fields.section import values
from sozu.parsers.result import Error
from sozu.parsers.views import RequestView
from sozu.parsers.whole import whole
from sozu.proxy.edits.heads import below
from sozu.proxy.edits.passwords import Busy, Desk, Users
from sozu.proxy.failures import Denied, Redirected
from sozu.proxy.policy.sources import counted_as

UNAUTHORIZED: Final = 401
# RFC 9110 section 15.5.2: a 401 MUST have a challenge. No client knows this scheme, so that none asks its user for a password that there is not.
NO_WAY_IN: Final = b"WWW-Authenticate: Denied\r\n"


class Url(NamedTuple):
    """What a request asks for: `http` or `https`, the host with its port, and the target in its plain spelling."""

    scheme: bytes
    authority: bytes
    target: bytes


class Gate:
    """The gate of one frontend."""

    __slots__ = ("_allowed", "_challenge", "_denied", "_key", "_location", "_prefix", "_rate", "_status", "_users")

    def __init__(self, frontend: Frontend) -> None:
        self._allowed = Networks(frontend.allow_from) if frontend.allow_from else None
        self._denied = Networks(frontend.deny_from) if frontend.deny_from else None
        self._key, self._rate = frontend.key, frontend.rate
        self._prefix = (frontend.path or "/").encode()
        redirect, auth = frontend.redirect, frontend.basic_auth
        self._location: Template | None = None if redirect is None else read_template(redirect.to, LOCATION_PLACES)
        self._status = frontend.deny or (0 if redirect is None else redirect.status)
        self._users = None if auth is None else Users(auth)
        self._challenge = b"" if auth is None else b'WWW-Authenticate: Basic realm="%b", charset="UTF-8"\r\n' % auth.realm.encode()

    def pass_(self, request: RequestView, client: bytes, url: Url, desk: Desk) -> None:
        """Let the request pass, or raise Denied or Redirected. May let other greenlets run. `client` is `IP:port`, or empty for a unix socket."""
        address = client.rpartition(b":")[0].strip(b"[]")
        self._check_address(address)
        # Behind the lists, so that who may not come in takes up no bucket; before the password, so that it bounds guessing too.
        if self._rate is not None and (wait := desk.rates.take(self._key, self._rate, counted_as(client), monotonic())):
            raise Denied(429, "too many requests from its address", "rate", b"Retry-After: %d\r\n" % wait)
        if self._location is not None:
            raise Redirected(self._status, self._location_of(url))
        if self._status:
            raise Denied(self._status, "denied by its frontend", "denied", NO_WAY_IN if self._status == UNAUTHORIZED else b"")
        if self._users is not None:
            self._check_password(self._users, request, desk)

    def _check_address(self, address: bytes) -> None:
        # Denied first: an address on both lists stays out. A client of a unix socket has none, and so is on no list: allow_from keeps it out.
        if self._denied is not None and self._denied.holds(address):
            raise Denied(403, "denied to its address", "address")
        if self._allowed is not None and not self._allowed.holds(address):
            raise Denied(403, "not allowed to its address", "address")

    def _location_of(self, url: Url) -> bytes:
        assert self._location is not None, "only asked where there is one"
        path, question, query = url.target.partition(b"?")
        # The target of OPTIONS may be `*` (RFC 9112 section 3.2.4), which has no rest.
        rest = below(self._prefix, path) if path.startswith(b"/") else b"/"
        places = {"scheme": url.scheme, "host": _name(url.authority), "path": path, "query": question + query, "rest": rest}
        location = self._location.fill(places)
        # "//other.example" would lead to another host, wherever the path of the request came from.
        return b"/" + location.lstrip(b"/") if location.startswith(b"//") else location

    def _check_password(self, users: Users, request: RequestView, desk: Desk) -> None:
        given = values(request.passed_fields(), b"authorization")
        # Of two such fields a backend might believe the one that we did not check: neither counts.
        authorization = given[0] if len(given) == 1 else b""
        # Before anything is parsed: this is nearly every request, and a check takes 80 ms of a thread that has one at a time.
        if users.knows(authorization):
            return
        credentials = whole(basic, authorization)  # strictly: to a hash, a NUL behind a password says nothing
        if isinstance(credentials, Error):
            raise Denied(401, "no password", "password", self._challenge)
        try:
            right = desk.check(users, credentials.user, credentials.password)
        except Busy as busy:
            raise Denied(503, "too many passwords wait to be checked", "busy", b"Retry-After: 1\r\n") from busy
        if not right:
            raise Denied(401, "wrong password", "password", self._challenge)
        # The field as it came and not what it says: the next one is found without being decoded.
        users.remember(authorization)


def is_guarded(frontend: Frontend) -> bool:
    """Does it have a gate?"""
    addresses = frontend.allow_from or frontend.deny_from or frontend.rate
    return bool(addresses or frontend.deny or frontend.redirect or frontend.basic_auth or frontend.forward_auth)


def _name(authority: bytes) -> bytes:
    """Without the port."""
    host, colon, port = authority.rpartition(b":")
    return host if colon and (not port or port.isdigit()) and not host.endswith(b":") else authority
