"""The request-target in its four forms, the authority, and the host that requests are routed by.

RFC 9112 section 3.2 (forms) and RFC 3986 (authority). Nothing is decoded or normalised here: how a path is spelt is heads/plain_path.py's.
`normal_host` is for look-ups only.

Stricter than RFC 3986: no userinfo (RFC 9110 4.2.4 calls it an attack), no zone or IPvFuture literal.
Laxer: path and query may hold any visible ASCII but "#", because browsers send `"`, `|`, `[` and a lone `%` and every origin takes them.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from typing import Final

import msgspec

from sozu.parsers.abnf import DIGIT, HEXDIG, SUB_DELIMS, UNRESERVED, VCHAR
from sozu.parsers.combinators import alt, many, map_, opt, recognize, record, seq, verify
from sozu.parsers.fuse import fuse
from sozu.parsers.leaves import one_of, tag, tag_no_case, take_while, take_while1
from sozu.parsers.reasons import Reason
from sozu.parsers.result import Error
from sozu.parsers.whole import whole

IN_PATH: Final = VCHAR.translate(None, b"#?")
IN_QUERY: Final = VCHAR.translate(None, b"#")
# A number that no listener can have: a port beyond the range is valid by the RFC, but must not be equal to a real one.
NO_PORT: Final = 65536


class Form(StrEnum):
    """The four forms of RFC 9112 section 3.2."""

    ORIGIN = "origin-form"
    ABSOLUTE = "absolute-form"
    AUTHORITY = "authority-form"
    ASTERISK = "asterisk-form"


class Authority(msgspec.Struct, frozen=True):
    """`host` as written (an IPv6 literal keeps its brackets), `port` None when absent or empty.

    The RFC sets ports no bound, so a Host with port 99999 is valid; whatever is above 65535 reads as 65536.
    """

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
# "%" only with two digits behind it; decoded it is not: RFC 3986 allows "%61.example", but no resolver and no route spells a host so.
reg_name = many(alt(one_of(UNRESERVED + SUB_DELIMS), pct_encoded))
ip_literal = seq(tag(b"["), take_while1(HEXDIG + b":."), tag(b"]"))
host = recognize(alt(ip_literal, reg_name)).desc("host")
# Six digits are enough to tell what is above 65535. int() of all would raise ValueError beyond 4300 digits (CPython's guard against its own
# quadratic conversion), and a port as long as a head is valid by the RFC.
port = map_(take_while(DIGIT), lambda digits: min(int(digits.lstrip(b"0")[:6] or b"0"), NO_PORT) if digits else None)
authority = record(Authority, host, opt(tag(b":") >> port))


# `ipaddress` knows what RFC 4291 needs a page for. It is asked only where there are brackets, which is seldom.
def is_sound(found: Authority) -> bool:
    """What a grammar cannot say: that the brackets hold an IPv6 address."""
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
# "//a" is a path here, as in RFC 9112: only a URI reference would take "a" for a host, and a request-target is none.
absolute_path = recognize(seq(tag(b"/"), take_while(IN_PATH)))
scheme = recognize(seq(tag_no_case(b"http"), opt(tag_no_case(b"s"))))

origin_parts = seq(absolute_path, opt(tag(b"?") >> query))
absolute_parts = seq(scheme << tag(b"://"), authority, opt(absolute_path), opt(tag(b"?") >> query))

origin_form = map_(origin_parts, lambda parts: Target(Form.ORIGIN, *parts))
asterisk_form = map_(tag(b"*"), lambda _: Target(Form.ASTERISK))
sound_authority = verify(authority, is_sound, "a valid IPv6 address")
with_host = verify(sound_authority, lambda found: bool(found.host), "host")
authority_form = map_(with_host, lambda found: Target(Form.AUTHORITY, authority=found))
absolute_form = map_(
    seq(scheme << tag(b"://"), with_host, opt(absolute_path), opt(tag(b"?") >> query)), lambda parts: absolute(*parts)
)
# absolute-form before authority-form: "http:" is an authority with an empty port, so the latter would match that much of "http://a/" and, as choice is
# committed, never come back.
uri = alt(origin_form, asterisk_form, absolute_form, authority_form)

AUTHORITY: Final = fuse(authority)
ORIGIN: Final = fuse(origin_parts)
ABSOLUTE: Final = fuse(absolute_parts)


def absolute(scheme: bytes, authority: Authority, path: bytes | None, query: bytes | None) -> Target:
    """An absolute-form target; http and https are case-insensitive."""
    return Target(Form.ABSOLUTE, path or b"", query, authority, scheme.lower())


def parse_target(target: bytes) -> Target | Error:
    """Take a whole request-target apart; the Error tells where it stops being one.

    The two forms that are met daily are read fused; `uri`, step by step, reads the others and finds the errors.
    """
    # The first byte tells origin-form from all others, so that its errors, too, come from C.
    if target.startswith(b"/"):
        origin = whole(ORIGIN, target)
        return origin if isinstance(origin, Error) else Target(Form.ORIGIN, *origin)
    found: Target | Error = absolute_target(target) or whole(uri, target)
    return found


def absolute_target(target: bytes) -> Target | None:
    """The target if it is in absolute-form."""
    # The fused grammar has no `verify`: host and brackets are asked here. What it refuses is read again by `uri`, for the place of the error.
    parts = whole(ABSOLUTE, target)
    if isinstance(parts, Error) or not parts[1].host or not is_sound(parts[1]):
        return None
    return absolute(*parts)


def parse_authority(text: bytes) -> Authority | Error:
    """Take a whole Host field value or authority apart; an empty host is allowed (RFC 9110 7.2)."""
    found = whole(AUTHORITY, text)
    # Offset 0, the bracket: of an address that is wrong as a whole no byte can be blamed.
    return found if isinstance(found, Error) or is_sound(found) else Error(0, frozenset(["a valid IPv6 address"]))


def form_refusal(method: bytes, target: bytes) -> Reason | None:
    """The rule that the target breaks for this method, if any (RFC 9112 sections 3.2.1 to 3.2.4)."""
    # Before the form: even a CONNECT that is spelt wrong is told 501, the truth, and not that it has to be spelt better.
    if method == b"CONNECT":
        return Reason.CONNECT
    # The head's grammar lets nothing but visible ASCII through, and of that only "#" is no part of a path or query: so this is the whole grammar of
    # origin-form in two looks. A fragment is refused because some origins cut it off and others route by it.
    if target.startswith(b"/") and b"#" not in target:
        return None
    if b"#" in target:
        return Reason.TARGET
    # authority-form is for CONNECT alone (RFC 9112 3.2.3), so anything else that is no absolute-form is refused here.
    is_allowed = method == b"OPTIONS" if target == b"*" else absolute_target(target) is not None
    return None if is_allowed else Reason.TARGET_FORM


@lru_cache(maxsize=256)  # clients choose what it holds, and an authority may be as long as a head
def normal_host(value: bytes) -> str:
    """The key that routes look up: a Host value or authority in lower case, without port, without one trailing dot.

    An IPv6 literal is written in its shortest form, in brackets. Total: bytes that are no host give a key that no route has.
    """
    # bytes.lower knows ASCII only: an A-label compares right, and a stray byte above 0x7F stays what it is and meets no route.
    text = value.lower()
    if text.startswith(b"["):
        literal = text[: text.find(b"]") + 1]
        return normal_ipv6(literal) or text.decode("latin-1")
    return text.partition(b":")[0].removesuffix(b".").decode("latin-1")
