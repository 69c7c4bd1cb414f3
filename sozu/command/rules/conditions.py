"""How orders may write what a frontend asks of a request besides host and path; what makes no sense is an Objection. Pure."""

from collections.abc import Callable

import msgspec

from sozu.command.facts import Match
from sozu.command.orders import AddHttpFrontend, AnyOrder, RemoveHttpFrontend
from sozu.command.rules.objections import Objection
from sozu.parsers.abnf import FIELD_BYTES, TCHAR
from sozu.parsers.heads.known_fields import DROPPED_FROM_REQUESTS
from sozu.parsers.regex import BadRegex, Regex, compile_regex

# CONNECT is not among them: the parsers refuse it (RFC 9110 9.3.6), so no frontend can ever take one.
_KNOWN_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")
_TOKEN, _VALUE = frozenset(TCHAR), frozenset(FIELD_BYTES)
# RFC 6265 5.2 cuts a name at "=", a pair at ";" and blanks from both ends: a name with one of them could never be found in a request.
_NO_COOKIE = frozenset("=; \t")
_LONGEST = 1024  # characters of a name or value
# The prefix that a trusted proxy tells is there; and a journal of before may ask for it, when it came from anybody.
_CUT = DROPPED_FROM_REQUESTS - {b"x-forwarded-prefix"}

Fault = Callable[[str], str | None]


def holds_expression(order: AnyOrder) -> bool:
    """Has it a regular expression? Nearly all compile in less than a millisecond, the worst in thirty."""
    # Asked by the master for each order of a transaction: one that holds an expression is carried out in the thread that writes the journal, so that
    # thirty milliseconds hold up no channel.
    if not isinstance(order, AddHttpFrontend | RemoveHttpFrontend):
        return False
    if order.hostname_regex is not None or order.path_regex is not None:
        return True
    return any(match.regex is not None for match in (*order.headers, *order.query, *order.cookies))


def regex_in(text: str, field: str, *, fold: bool = False) -> Regex:
    """A regular expression. Raises Objection."""
    try:
        # Compiled to be refused here, if at all; the fact keeps the text. By our own engine, in linear time: Python's `re` never sees what an
        # operator writes.
        return compile_regex(text, fold=fold)
    except BadRegex as error:
        raise Objection(f'"{text}" is not an expression that is understood here: {error}', field) from error


def path_regex_in(text: str) -> str:
    """An expression for whole paths. Raises Objection."""
    # A path is compared whole, so an expression such as `api/.*` would be right and never true; that is told at once.
    if not regex_in(text, "path_regex").may_begin(b"/"):
        raise Objection(f'"{text}" matches no path: it is compared with the whole of it, which begins with "/"', "path_regex")
    return text


def methods_in(methods: tuple[str, ...]) -> tuple[str, ...]:
    """Methods, each once and in order. Raises Objection."""
    for index, method in enumerate(methods):
        # Methods are case-sensitive (RFC 9110 9.1), so `get` is one that nobody sends: a frontend with it would be silent for ever. Unknown methods
        # are taken as they are.
        if method.upper() in _KNOWN_METHODS and not method.isupper():
            raise Objection(f'methods are in upper case: "{method.upper()}"', f"methods.{index}")
        if not method or not _TOKEN.issuperset(method.encode()):
            raise Objection(f'"{method}" is not a method, as in GET or POST', f"methods.{index}")
    # Conditions are a part of a frontend's key: in one order, each once, so that who asks the same in other words means the same frontend.
    return tuple(sorted(set(methods)))


def headers_in(matches: tuple[Match, ...]) -> tuple[Match, ...]:
    """Conditions on header fields, with names in lower case and in order. Raises Objection."""
    # RFC 9110 5.1: names of fields are case-insensitive. Those of cookies and of parameters are not.
    lowered = tuple(msgspec.structs.replace(match, name=match.name.lower()) for match in matches)
    return _matches(lowered, "headers", _why_not_asked)


def query_in(matches: tuple[Match, ...]) -> tuple[Match, ...]:
    """Conditions on parameters of the query, in order. Raises Objection."""
    # Any text may be a parameter's name: it is compared after decoding, where "=" and "&" are bytes like others.
    return _matches(matches, "query", lambda _: None)


def cookies_in(matches: tuple[Match, ...]) -> tuple[Match, ...]:
    """Conditions on cookies, in order. Raises Objection."""
    return _matches(matches, "cookies", why_no_cookie)


def _matches(matches: tuple[Match, ...], field: str, why_no_name: Fault) -> tuple[Match, ...]:
    for index, match in enumerate(matches):
        place = f"{field}.{index}"
        fault = why_no_name(match.name) or _why_no_text(match.name)
        if fault is not None:
            raise Objection(fault, f"{place}.name")
        _check_value(match, place)
    return tuple(sorted(set(matches), key=lambda match: (match.name, match.value or "", match.regex or "", match.present)))


def _check_value(match: Match, place: str) -> None:
    if match.value is not None and match.regex is not None:
        raise Objection("a condition has a value or a regex, not both", f"{place}.regex")
    if not match.present and (match.value is not None or match.regex is not None):
        raise Objection("what is not to be there has neither value nor regex", f"{place}.present")
    if match.regex is not None:
        # Without `fold`: values are compared byte by byte, hosts alone in any case.
        regex_in(match.regex, f"{place}.regex")
    if match.value and (fault := _why_no_text(match.value)):
        raise Objection(fault, f"{place}.value")


def _why_no_text(text: str) -> str | None:
    if not text or len(text) > _LONGEST:
        return f"a text of 1 to {_LONGEST} characters"
    return None if _VALUE.issuperset(text.encode()) else f"{text!r} holds a control character, which no request does"


def why_no_field(name: str) -> str | None:
    """What is wrong with this name of a field, in lower case, that requests are asked for."""
    if not name or not _TOKEN.issuperset(name.encode()):
        return f'"{name}" is not the name of a field, as in "x-canary"'
    if name == "host":
        return "the host is what `hostname` is for"
    # Conditions look at the lines that go on to the backend; these are cut before, so the condition would never hold and nobody would see why.
    if name.encode() in _CUT:
        return f'the field "{name}" ends at the proxy, and is not there to be asked for'
    return None


def _why_not_asked(name: str) -> str | None:
    """How a client came is told by trusted proxies alone: of all others the field is cut before anybody is asked."""
    return None if name == "x-forwarded-proto" else why_no_field(name)


def why_no_cookie(name: str) -> str | None:
    """What is wrong with this name of a cookie."""
    return f'"{name}" is not the name of a cookie' if not name or not _NO_COOKIE.isdisjoint(name) else None
