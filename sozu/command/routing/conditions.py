"""What a frontend asks of a request besides host and path: method, header fields, query and cookies. Pure.

All conditions of a frontend have to hold. Of what comes several times (two field lines, `?a=1&a=2`) one value that fits is enough. Names of fields
are compared in any case, all else byte by byte; of the query what is escaped is decoded first, and "+" is a blank.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol
from urllib.parse import unquote_to_bytes

from sozu.command.facts import Frontend, Match
from sozu.parsers.fields.cookies import cookie
from sozu.parsers.fields.section import values
from sozu.parsers.regex import compile_regex
from sozu.parsers.result import Error
from sozu.parsers.whole import whole


class Request(Protocol):
    """What conditions look at: a RequestView has it."""

    @property
    def method(self) -> bytes:
        """As written."""

    def passed_fields(self) -> bytes:
        """The field lines, each with its CRLF, but for those that end at a proxy."""


class BareRequest(NamedTuple):
    """A request that was not received: what somebody asks about."""

    method: bytes = b"GET"
    fields: bytes = b""

    def passed_fields(self) -> bytes:
        """See Request."""
        return self.fields


class _Test(NamedTuple):
    """One condition: which values are looked at, and which of them fits; without `fits` it is enough that there is (no) one."""

    values: Callable[[Request, bytes, bytes], list[bytes]]
    name: bytes
    fits: Callable[[bytes], bool] | None
    present: bool

    def holds(self, request: Request, target: bytes) -> bool:
        # With `present: false` there is neither value nor expression (the rules see to it), so the first arm alone has to know of absence.
        found = self.values(request, target, self.name)
        return bool(found) is self.present if self.fits is None else any(map(self.fits, found))


class Conditions:
    """The conditions of one frontend."""

    __slots__ = ("_methods", "_tests")

    def __init__(self, frontend: Frontend) -> None:
        # Compared with what the client wrote, case and all (RFC 9110 9.1); the rules have refused names that could only be meant in capitals.
        self._methods = frozenset(method.encode() for method in frontend.methods)
        # Expressions are compiled here, so when a hostname is first asked for after a change, and not for each request.
        self._tests = [
            _test(source, match)
            for source, matches in ((_fields, frontend.headers), (_queries, frontend.query), (_cookies, frontend.cookies))
            for match in matches
        ]

    def hold(self, request: Request, target: bytes) -> bool:
        """Do all of them hold for a request with this target?"""
        # The cheapest question first: of what follows each looks through lines of the head, or through the query.
        if self._methods and request.method not in self._methods:
            return False
        return all(test.holds(request, target) for test in self._tests)


def is_conditional(frontend: Frontend) -> bool:
    """Does it ask anything besides host and path?"""
    return bool(frontend.methods or frontend.headers or frontend.query or frontend.cookies)


def _test(source: Callable[[Request, bytes, bytes], list[bytes]], match: Match) -> _Test:
    fits: Callable[[bytes], bool] | None = None
    if match.regex is not None:
        fits = compile_regex(match.regex).matches
    elif match.value is not None:
        fits = match.value.encode().__eq__
    return _Test(source, match.name.encode(), fits, match.present)


def _fields(request: Request, _: bytes, name: bytes) -> list[bytes]:
    # The lines that go on to the backend, not those that came: what ends at the proxy cannot decide, so no client routes himself by a field that the
    # backend never sees.
    return values(request.passed_fields(), name)


def _queries(_: Request, target: bytes, name: bytes) -> list[bytes]:
    # As the URL Standard reads application/x-www-form-urlencoded: "&" parts pairs, the first "=" a pair. ";" parts nothing: a rule for whom it did
    # would see other parameters than most backends.
    pairs = (pair.partition(b"=") for pair in target.partition(b"?")[2].split(b"&") if pair)
    # Names are decoded as well, or `%64ebug=1` would walk past a rule for `debug` and mean the same to the backend.
    return [_decoded(value) for key, _, value in pairs if _decoded(key) == name]


def _cookies(request: Request, _: bytes, name: bytes) -> list[bytes]:
    lines = (whole(cookie, line) for line in values(request.passed_fields(), b"cookie"))
    return [value for pairs in lines if not isinstance(pairs, Error) for key, value in pairs if key == name]


def _decoded(text: bytes) -> bytes:
    # "+" before the escapes: an escaped plus (`%2B`) is one, and would become a blank the other way round.
    return unquote_to_bytes(text.replace(b"+", b" "))
