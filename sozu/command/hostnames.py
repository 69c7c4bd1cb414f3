"""Hostnames and paths of frontends as users write them, brought to the one spelling that requests are compared with. Pure.

A hostname is a name (`blog.example.com`), a name behind a star (`*.example.com`: exactly one label more), the
star alone (every host), or an IP address. International names become A-labels (RFC 5891), since that is what a
Host field holds; letters are lower-cased (RFC 9110 section 4.2.3). Underscores are let through: many have them.
"""

import encodings.punycode  # noqa: F401 - a codec that idna looks for at the first name it meets: too late in a confined worker
import ipaddress
import re
import string
import unicodedata

import idna

from sozu.parsers.heads.plain_path import plain_path, upper_escapes
from sozu.parsers.reasons import Reason

NAME_LIMIT, LABEL_LIMIT = 253, 63  # RFC 1035 section 2.3.4, less the root
PATH_LIMIT = 8192  # RFC 9112 section 3 wants that much of a target to be supported; an order must fit into one frame
_LABEL = frozenset(string.ascii_lowercase + string.digits + "-_")
# RFC 3986 section 3.3: pchar and "/", with "%" as the beginning of an escape.
_PATH = frozenset(string.ascii_letters + string.digits + "-._~%!$&'()*+,;=:@/")
_USUAL_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_USUAL = re.compile(rf"(?:\*[.])?{_USUAL_LABEL}(?:[.]{_USUAL_LABEL})*")  # in its one spelling already, as nearly all are
_DOTS = re.compile("[.\u3002\uff0e\uff61]")  # RFC 3490 section 3.1; idna and browsers take them all


class BadHostname(ValueError):
    """Not a hostname that a frontend can have; the text says why and what would be one."""


class BadPath(ValueError):
    """Not a path that a frontend can have; the text says why and what would be one."""


def normal_hostname(text: str) -> str:
    """The spelling that requests are compared with. Raises BadHostname."""
    # What is in its one spelling already is the only one that is common, and costs one match: a start with ten thousand clusters
    # reads each hostname several times.
    if text == "*" or (len(text) <= NAME_LIMIT and _USUAL.fullmatch(text)):
        return text
    if text.startswith("["):
        return _ipv6(text)
    star, name = ("*.", text[2:]) if text.startswith("*.") else ("", text)
    _refuse_what_is_no_hostname(text, name)
    # A dot at the end only says that the name is complete (RFC 1034 section 3.1); requests with it are compared without it, too.
    return star + _name(name.removesuffix("."))


def normal_path(text: str) -> str:
    """The plain spelling, with escapes in upper case: the one that paths of requests are compared in. Raises BadPath."""
    # What nearly all frontends say needs no look.
    if text == "/":
        return text
    if not text.startswith("/"):
        raise BadPath(f'a path begins with "/": "/{text}"?')
    # Bounded before it is looked at: a message may bring two megabytes of it, and the order has to fit into one frame on its way to
    # workers.
    if len(text) > PATH_LIMIT:
        raise BadPath(f"a path has at most {PATH_LIMIT} characters, this one {len(text)}")
    if not _PATH.issuperset(text):
        position = next(position for position, character in enumerate(text) if character not in _PATH)
        raise BadPath(_why_not_in_a_path(text, position))
    plain = plain_path(text.encode())
    # A path that is refused in requests can be no rule: nothing would ever come there.
    if isinstance(plain, Reason):
        raise BadPath(f'"{text}": {plain.rule.text}')
    # %c3 and %C3 are one (RFC 3986 section 6.2.2.1): two spellings of a rule would be two frontends for the same requests.
    return upper_escapes(plain).decode()


def _refuse_what_is_no_hostname(text: str, name: str) -> None:
    # From the longest to the shortest mark: a URL has a slash and a colon too, and would hear of its path or its port.
    if "://" in text:
        raise BadHostname(f'"{text}" is a URL; a hostname is only its name, as in "blog.example.com"')
    if "/" in text:
        raise BadHostname(f'"{text}" holds a path, which is a field of its own: `path`')
    if ":" in text:
        raise BadHostname(f'"{text}" holds a port; a hostname has none (`listener` binds a frontend to one address)')
    if "*" in name:
        raise BadHostname(f'"{text}": the star stands alone, or as the whole first label, as in "*.example.com"')


def _name(name: str) -> str:
    ascii_name = name.lower() if name.isascii() else _a_labels(name)
    labels = ascii_name.split(".")
    for label in labels:
        # Letters, digits and the hyphen, by RFC 1123 section 2.1, and the underscore, which many have. What a Host field may hold
        # besides (RFC 3986 section 3.2.2) is no name of a host.
        if not label or len(label) > LABEL_LIMIT or not _LABEL.issuperset(label) or "-" in (label[0], label[-1]):
            raise BadHostname(_why_not_a_name(name, label))
    # Measured as A-labels, which are longer than what was written: it is they that have to fit into a Host field and a ClientHello.
    if len(ascii_name) > NAME_LIMIT:
        raise BadHostname(f"a hostname has at most {NAME_LIMIT} characters, this one {len(ascii_name)}")
    return ascii_name


def _why_not_a_name(name: str, label: str) -> str:
    if not name:
        return "a hostname is missing"
    if not label:
        return f'"{name}" has an empty label: one dot too many'
    if len(label) > LABEL_LIMIT:
        return f'a label of a hostname has at most {LABEL_LIMIT} characters: "{label[:20]}…" has {len(label)}'
    return f'"{name}": a label is made of letters, digits, "-" and "_", and does not begin or end with "-"'


def _a_labels(name: str) -> str:
    """As browsers do it: IDNA 2008 (RFC 5891) after mapping case and width, so that sharp s and final sigma are letters of their own."""
    # Lower case, then NFKC, much as browsers map (UTS 46): full-width letters, and names that were copied from a document.
    mapped = unicodedata.normalize("NFKC", name.lower())
    return ".".join(_a_label(label, name) for label in _DOTS.split(mapped))


def _a_label(label: str, name: str) -> str:
    try:
        # Label by label, since idna would refuse the underscores of its neighbours; an A-label that was written as such stays.
        return label if label.isascii() else idna.alabel(label).decode("ascii")
    except idna.IDNAError as error:
        raise BadHostname(f'"{name}" is not an international hostname ({error}); if it is one, write its A-label ("xn--…")') from error


def _ipv6(text: str) -> str:
    try:
        # One spelling of many (RFC 5952): the proxy compares the Host of a request in the same one.
        return f"[{ipaddress.IPv6Address(text[1:-1] if text.endswith(']') else '')}]"
    except ValueError as error:
        raise BadHostname(f'"{text}" is not an IPv6 address in brackets, as in "[::1]"') from error


def _why_not_in_a_path(text: str, position: int) -> str:
    character = text[position]
    if character in "?#":
        return f'"{text}": routes look at the path only, which ends before "{character}"'
    if character == " " or not character.isprintable():
        return f"{text!r}: a path holds no spaces or control characters; write them as %20 and the like"
    escaped = "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))
    return f'"{text}": clients send "{character}" as "{escaped}", so write it so'
