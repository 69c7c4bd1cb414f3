"""A frontend's settings, ready for use; and one request of it, with what they need to know of it.

Pure but for the gate. `Special` is remembered with the meaning of a head (meaning.py), so nothing in it depends on who asks, or when.
"""

from functools import lru_cache
from typing import NamedTuple

from sozu.command.facts import Cluster, Frontend
from sozu.command.routes import Route
from sozu.parsers.fields.section import without
from sozu.parsers.views import RequestView, ResponseView
from sozu.proxy.edits.gate import Gate, Url, is_guarded
from sozu.proxy.edits.heads import LineEdits, hsts_line, with_prefix
from sozu.proxy.edits.passwords import Desk
from sozu.proxy.edits.question import Question
from sozu.proxy.forwarding import CRLF, HOST, upstream_head

KEPT = 1024  # treatments: those of frontends that were asked for lately
_HSTS = frozenset((b"strict-transport-security",))
_NAMED_AGAIN = frozenset((b"x-forwarded-host", b"x-forwarded-prefix"))


class Treatment:
    """What one frontend does with its requests."""

    __slots__ = ("_host", "_new_prefix", "_prefix", "_request_lines", "always", "forward_auth", "gate", "hsts", "response_lines")

    def __init__(self, frontend: Frontend) -> None:
        self.forward_auth = None if frontend.forward_auth is None else Question(frontend.forward_auth)
        self.gate = Gate(frontend) if is_guarded(frontend) else None
        self._host = None if frontend.rewrite_host is None else frontend.rewrite_host.encode()
        self._prefix = (frontend.path or "/").encode()
        self._new_prefix = None if frontend.replace_prefix is None else frontend.replace_prefix.encode()
        self._request_lines = LineEdits(frontend.request_headers)
        self.response_lines = LineEdits(frontend.response_headers)
        self.always = LineEdits(edit for edit in frontend.response_headers if edit.always)
        self.hsts = b"" if frontend.hsts is None else hsts_line(frontend.hsts)

    def head(self, request: RequestView, authority: bytes, target: bytes) -> bytes:
        """The head that a backend gets, as upstream_head."""
        named = b""
        if self._new_prefix is not None:
            target = with_prefix(self._prefix, self._new_prefix, target)
            named = b"X-Forwarded-Prefix: %b\r\n" % (self._prefix.removesuffix(b"/") or b"/")
        start, _, fields = upstream_head(request, authority, target).partition(CRLF)
        if self._host is not None:
            fields = b"Host: %b\r\n%b" % (self._host, without(fields, HOST))
            named += b"X-Forwarded-Host: %b\r\n" % authority
        if named:
            # What a trusted proxy says of these is taken out, or the backend might read its line first.
            fields = without(fields, _NAMED_AGAIN) + named
        # The operator's edits last: they are about the head as a backend would get it without them.
        return b"%b\r\n%b" % (start, self._request_lines.apply(fields))


class Special(NamedTuple):
    """A request whose frontend has such settings: how it is treated, where it goes if it may, and what it asked for."""

    treatment: Treatment
    cluster: Cluster
    url: Url

    def head(self, request: RequestView) -> bytes:
        """The head that a backend gets."""
        return self.treatment.head(request, self.url.authority, self.url.target)

    @property
    def is_guarded(self) -> bool:
        """Is it still to be seen whether it may pass?"""
        return self.treatment.gate is not None

    def admit(self, request: RequestView, client: bytes, desk: Desk) -> Cluster:
        """Where it goes. Raises Denied or Redirected."""
        if self.treatment.gate is not None:
            self.treatment.gate.pass_(request, client, self.url, desk)
        return self.cluster

    def own_answer(self, fields: bytes) -> bytes:
        """The lines of an answer of the proxy's own as its client gets them."""
        return self.treatment.always.apply(fields) + self._hsts

    @property
    def _hsts(self) -> bytes:
        """RFC 6797 section 7.2: never in plain text."""
        return self.treatment.hsts if self.url.scheme == b"https" else b""

    def response(self, response: ResponseView) -> ResponseView:
        """A response as its client gets it."""
        edits, lasting = self.treatment.response_lines, self._hsts
        if not edits and not lasting:
            return response
        lines = edits.apply(response.passed_fields())
        if lasting:
            # A host MUST send only one such field (RFC 6797 section 7.1), and the backend may have sent its own.
            lines = without(lines, _HSTS) + lasting
        return ResponseView(
            lines,
            response.minor,
            response.status,
            response.reason,
            response.content_length,
            response.transfer_encoding,
            response.connection,
            response.upgrade,
            response.more,
        )


def special(route: Route, scheme: bytes, authority: bytes, target: bytes) -> Special:
    """One request that took this route."""
    return Special(_treatment(route.frontend), route.cluster, Url(scheme, authority, target))


# By the frontend as a value: each transaction makes the route tables anew, and one that leaves a frontend as it is must not make its users
# prove their passwords again. Another password is another frontend, and nobody is remembered there.
_treatment = lru_cache(maxsize=KEPT)(Treatment)
