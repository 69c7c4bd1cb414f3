"""What ties a request to a backend: the key by which hrw and maglev choose, and the cookie by which a client comes back. Pure: heads in, bytes out."""

from collections.abc import Callable, Iterator

from sozu.command.facts import Cluster
from sozu.parsers.fields.cookies import cookie
from sozu.parsers.fields.section import values, without
from sozu.parsers.whole import whole
from sozu.proxy.registry.balancing import KEYED

Fields = Callable[[], bytes]
Key = Callable[[Fields, bytes], bytes]  # from what gives the field lines of a request, and the client's `IP:port`

_SOURCE = "source"
_COOKIE = b"cookie"
_COOKIE_LINES = frozenset((_COOKIE,))


def key_for(cluster: Cluster) -> Key | None:
    """How the key of a request is found; None where balancing does not ask for one."""
    if cluster.load_balancing not in KEYED:
        return None
    kind, _, name = cluster.hash_on.partition(":")
    if kind == _SOURCE:
        return source_address
    find, wanted = field_value if kind == "header" else cookie_value, name.encode()

    def key(fields: Fields, client: bytes) -> bytes:
        # A request without the header or cookie would else have an empty key, and all such requests would go to one backend.
        return find(fields(), wanted) or source_address(fields, client)

    return key


def source_address(_: Fields, client: bytes) -> bytes:
    """The client's address without its port: all its connections go the same way."""
    return client.rpartition(b":")[0]


def field_value(fields: bytes, name: bytes) -> bytes:
    """The first field of this name (lower case); empty if there is none."""
    return next(iter(values(fields, name)), b"")


def cookie_value(fields: bytes, name: bytes) -> bytes:
    """What this cookie says (RFC 6265 section 4.2.1); empty if it is not there."""
    return next((value for known, value in _cookies(fields) if known == name), b"")


def without_cookie(head: bytes, name: bytes) -> tuple[bytes, bytes]:
    """The lines without this cookie, and what it said; the other cookies say what they said, in one line."""
    # A search of the bytes first: clients without a cookie, and the first request of each, are done with that, and the head stays the slice that it was.
    if name not in head or all(known != name for known, _ in _cookies(head)):
        return head, b""
    said = cookie_value(head, name)
    # The other pairs are joined into one line, since a client may send one at most (RFC 6265 section 5.4), and a backend may look at the first only.
    left = [b"%b=%b" % pair if pair[0] else pair[1] for pair in _cookies(head) if pair[0] != name]
    lines = without(head, _COOKIE_LINES)
    return (b"%bCookie: %b\r\n" % (lines, b"; ".join(left)) if left else lines), said


def _cookies(fields: bytes) -> Iterator[tuple[bytes, bytes]]:
    for line in values(fields, _COOKIE):
        pairs = whole(cookie, line)
        # The grammar takes every value there can be: a cookie that is odd is the backend's business, and no request is refused for what a site set years ago.
        assert isinstance(pairs, list), "every field value is a list of cookies"
        yield from pairs


def set_cookie(name: str, token: bytes) -> bytes:
    """The line that gives a client its cookie (RFC 6265 section 4.1): for the whole site, for this session of the browser, not for scripts."""
    return b"Set-Cookie: %b=%b; Path=/; HttpOnly; SameSite=Lax\r\n" % (name.encode(), token)
