"""How orders may write what a frontend asks of a request besides host and path; what makes no sense is an Objection. Pure."""

from collections.abc import Callable

import msgspec

from sozu.command.facts import Match
from sozu.command.orders import AddHttpFrontend, AnyOrder, RemoveHttpFrontend
from sozu.command.rules.objections import Objection
from sozu.parsers.abnf import FIELD_BYTES, TCHAR
from sozu.parsers.heads.known_fields import DROPPED_FROM_REQUESTS
from sozu.parsers.regex import BadRegex, Regex, compile_regex

_KNOWN_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")
_TOKEN, _VALUE = frozenset(TCHAR), frozenset(FIELD_BYTES)
_NO_COOKIE = frozenset("=; \t")
_LONGEST = 1024  # characters of a name or value

Fault = Callable[[str], str | None]


def holds_expression(order: AnyOrder) -> bool:
    """Has it a regular expression? Nearly all compile in less than a millisecond, the worst in thirty."""
    if not isinstance(order, AddHttpFrontend | RemoveHttpFrontend):
        return False
    if order.hostname_regex is not None or order.path_regex is not None:
        return True
    return any(match.regex is not None for match in (*order.headers, *order.query, *order.cookies))


def regex_in(text: str, field: str, *, fold: bool = False) -> Regex:
    """A regular expression. Raises Objection."""
    try:
        return compile_regex(text, fold=fold)
    except BadRegex as error:
        raise Objection(f'"{text}" is not an expression that is understood here: {error}', field) from error


def path_regex_in(text: str) -> str:
    """An expression for whole paths. Raises Objection."""
    if not regex_in(text, "path_regex").may_begin(b"/"):
        raise Objection(f'"{text}" matches no path: it is compared with the whole of it, which begins with "/"', "path_regex")
    return text


def methods_in(methods: tuple[str, ...]) -> tuple[str, ...]:
    """Methods, each once and in order. Raises Objection."""
    for index, method in enumerate(methods):
        if method.upper() in _KNOWN_METHODS and not method.isupper():
            raise Objection(f'methods are in upper case: "{method.upper()}"', f"methods.{index}")
        if not method or not _TOKEN.issuperset(method.encode()):
            raise Objection(f'"{method}" is not a method, as in GET or POST', f"methods.{index}")
    return tuple(sorted(set(methods)))


def headers_in(matches: tuple[Match, ...]) -> tuple[Match, ...]:
    """Conditions on header fields, with names in lower case and in order. Raises Objection."""
    lowered = tuple(msgspec.structs.replace(match, name=match.name.lower()) for match in matches)
    return _matches(lowered, "headers", _why_not_asked)


def query_in(matches: tuple[Match, ...]) -> tuple[Match, ...]:
    """Conditions on parameters of the query, in order. Raises Objection."""
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
    if name.encode() in DROPPED_FROM_REQUESTS:
        return f'the field "{name}" ends at the proxy, and is not there to be asked for'
    return None


def _why_not_asked(name: str) -> str | None:
    """How a client came is told by trusted proxies alone: of all others the field is cut before anybody is asked."""
    return None if name == "x-forwarded-proto" else why_no_field(name)


def why_no_cookie(name: str) -> str | None:
    """What is wrong with this name of a cookie."""
    return f'"{name}" is not the name of a cookie' if not name or not _NO_COOKIE.isdisjoint(name) else None
