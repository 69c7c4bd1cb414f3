"""The request-target in its four forms, the authority, and the host that requests are routed by.

RFC 9112 section 3.2 (forms) and RFC 3986 (authority). A target is never decoded and never normalised: what the client wrote is what
the backend gets, so both see the same resource. `normal_host` is for look-ups only.

Stricter than RFC 3986: no userinfo (RFC 9110 4.2.4 calls it an attack), no zone or IPvFuture literal, no port above 65535.
Laxer: path and query may hold any visible ASCII but "#", because browsers send `"`, `|`, `[` and a lone `%` and every origin takes them.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from typing import TYPE_CHECKING, Any, Final

import msgspec

from sozu.parsers.abnf import DIGIT, HEXDIG, SUB_DELIMS, UNRESERVED, VCHAR
from sozu.parsers.combinators import alt, many, map_, opt, recognize, seq, verify
from sozu.parsers.leaves import eof, one_of, tag, tag_no_case, take_while, take_while1, take_while_m_n
from sozu.parsers.reasons import Reason
from sozu.parsers.result import Complete, Done, Error, run

if TYPE_CHECKING:
    from parsy import Parser

IN_PATH: Final = VCHAR.translate(None, b"#?")
IN_QUERY: Final = VCHAR.translate(None, b"#")
LARGEST_PORT: Final = 65535


class Form(StrEnum):
    """The four forms of RFC 9112 section 3.2."""

    ORIGIN = "origin-form"
    ABSOLUTE = "absolute-form"
    AUTHORITY = "authority-form"
    ASTERISK = "asterisk-form"


class Authority(msgspec.Struct, frozen=True):
    """`host` as written (an IPv6 literal keeps its brackets), `port` None when absent or empty."""

    host: bytes
    port: int | None = None


class Target(msgspec.Struct, frozen=True):
    """A request-target taken apart; `path` is empty for `http://host` and for `*`, `query` is None without "?"."""

    form: Form
    path: bytes = b""
    query: bytes | None = None
    authority: Authority | None = None
    scheme: bytes | None = None


# --- RFC 3986, section 3.2: authority ---------------------------------------------------------------------------------
# authority   = [ userinfo "@" ] host [ ":" port ]                 ; without userinfo here
# host        = IP-literal / IPv4address / reg-name                ; every IPv4address is a reg-name as well
# IP-literal  = "[" ( IPv6address / IPvFuture  ) "]"
# reg-name    = *( unreserved / pct-encoded / sub-delims )
# pct-encoded = "%" HEXDIG HEXDIG
# port        = *DIGIT

pct_encoded = seq(tag(b"%"), one_of(HEXDIG), one_of(HEXDIG))
reg_name = many(alt(one_of(UNRESERVED + SUB_DELIMS), pct_encoded))
ip_literal = seq(tag(b"["), take_while1(HEXDIG + b":."), tag(b"]"))
host = recognize(alt(ip_literal, reg_name)).desc("host")
port = take_while_m_n(0, 5, DIGIT)
host_and_port = seq(host, opt(tag(b":") >> port))
authority = map_(host_and_port, lambda pair: Authority(pair[0], int(pair[1]) if pair[1] else None))


def is_sound(found: Authority) -> bool:
    """What a grammar cannot say: the port's range, and that the brackets hold an IPv6 address."""
    if found.port is not None and found.port > LARGEST_PORT:
        return False
    return not found.host.startswith(b"[") or normal_ipv6(found.host) is not None


def normal_ipv6(literal: bytes) -> str | None:
    """The shortest way to write `[…]`, brackets included, or None if that is no IPv6 address."""
    try:
        return f"[{IPv6Address(literal[1:-1].decode('ascii')).compressed}]"
    except (AddressValueError, UnicodeDecodeError):
        return None


# --- RFC 9112, section 3.2: request-target ----------------------------------------------------------------------------
# request-target = origin-form / absolute-form / authority-form / asterisk-form
# origin-form    = absolute-path [ "?" query ]
# absolute-form  = absolute-URI                                    ; http and https alone, and with a host (RFC 9110 4.2)
# authority-form = uri-host ":" port                               ; for CONNECT
# asterisk-form  = "*"                                             ; for OPTIONS

query = take_while(IN_QUERY)
absolute_path = recognize(seq(tag(b"/"), take_while(IN_PATH)))
scheme = recognize(seq(tag_no_case(b"http"), opt(tag_no_case(b"s"))))

origin_form = map_(seq(absolute_path, opt(tag(b"?") >> query)), lambda parts: Target(Form.ORIGIN, *parts))
asterisk_form = map_(tag(b"*"), lambda _: Target(Form.ASTERISK))
sound_authority = verify(authority, is_sound, "a port up to 65535 and a valid IPv6 address")
with_host = verify(sound_authority, lambda found: bool(found.host), "host")
authority_form = map_(with_host, lambda found: Target(Form.AUTHORITY, authority=found))
absolute_form = map_(
    seq(scheme << tag(b"://"), with_host, opt(absolute_path), opt(tag(b"?") >> query)),
    lambda parts: Target(Form.ABSOLUTE, parts[2] or b"", parts[3], parts[1], parts[0].lower()),
)
uri = alt(origin_form, asterisk_form, absolute_form, authority_form)


def parse_target(target: bytes) -> Target | Error:
    """Take a whole request-target apart; the Error tells where it stops being one."""
    found: Target | Error = whole(uri, target)
    return found


def parse_authority(text: bytes) -> Authority | Error:
    """Take a whole Host field value or authority apart; an empty host is allowed (RFC 9110 7.2)."""
    found: Authority | Error = whole(sound_authority, text)
    return found


def whole(parser: Parser, text: bytes) -> Any:
    """The parser's value if it takes all of `text`."""
    outcome = run(parser << eof, Complete(text))
    return outcome.value if isinstance(outcome, Done) else outcome


def form_refusal(method: bytes, target: bytes) -> Reason | None:
    """The rule that the target's form breaks for this method, if any (RFC 9112 sections 3.2.1 to 3.2.4)."""
    if method == b"CONNECT":
        return Reason.CONNECT
    found = parse_target(target)
    if isinstance(found, Error):
        return Reason.TARGET_FORM
    allowed = found.form in (Form.ORIGIN, Form.ABSOLUTE) or (found.form is Form.ASTERISK and method == b"OPTIONS")
    return None if allowed else Reason.TARGET_FORM


def path_of(target: bytes) -> bytes:
    """The path of an origin-form target that has passed the grammar: all before the first "?"."""
    return target.partition(b"?")[0]


@lru_cache(maxsize=4096)
def normal_host(value: bytes) -> str:
    """The key that routes look up: a Host value or authority in lower case, without port, without one trailing dot.

    An IPv6 literal is written in its shortest form, in brackets. Total: bytes that are no host give a key that no route has.
    """
    text = value.lower()
    if text.startswith(b"["):
        literal = text[: text.find(b"]") + 1]
        return normal_ipv6(literal) or text.decode("latin-1")
    return text.partition(b":")[0].removesuffix(b".").decode("latin-1")
