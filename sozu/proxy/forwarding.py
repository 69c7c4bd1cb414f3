"""What a head looks like on the other side: without what concerns one connection only, with who asked, else as it came.

Pure: views in, bytes out. The parsers' views have cut the hop-by-hop fields, those that Connection names and those that clients
may not write (`passed_fields`); here is what takes their place. RFC 9110 sections 7.6.1 (Connection), 7.8 (Upgrade), 10.1.4 (TE);
RFC 9112 section 3.2.2 (absolute-form); RFC 7239 (Forwarded). Which connections are kept is for the session and the pool to decide.
"""

import _socket
from functools import lru_cache
from typing import Any, Final

from sozu.parsers.fields.lists import elements
from sozu.parsers.fields.section import values, without
from sozu.parsers.result import Error
from sozu.parsers.uri import normal_host, parse_target
from sozu.parsers.views import RequestView, ResponseView
from sozu.proxy.heads import TE
from sozu.proxy.policy.hops import COUNTED, MAX_FORWARDS, hops_left

CRLF: Final = b"\r\n"
SOZU_ID: Final = b"Sozu-Id: "
SLASH: Final = 0x2F
COLON: Final = 0x3A
NOTHING_NEW: Final = (None, b"keep-alive", b"Keep-Alive")  # what Connection nearly always says in HTTP/1.1: what holds anyway
FRAMING: Final = frozenset(b"content-length transfer-encoding trailer".split())
CODING: Final = frozenset((b"transfer-encoding",))
SCHEMES: Final = (b"http", b"https")
CHUNKED_CODING: Final = b"Transfer-Encoding: chunked\r\n"


def hostname(authority: bytes) -> bytes:
    """The part of a Host value that routes know: without the port, an IPv6 literal in its shortest spelling."""
    if COLON not in authority:
        return authority
    if authority[:1] == b"[":
        # An IPv6 address has many spellings (RFC 5952): as text, two of them would be two sites.
        return normal_host(authority).encode()
    return authority.partition(b":")[0]


def keeps_alive(view: RequestView | ResponseView) -> bool:
    """Does the sender of this head want to go on with the connection after the message? (RFC 9112 section 9.3)."""
    if view.minor == 1 and view.connection in NOTHING_NEW:
        return True
    # `close` beats `keep-alive` where somebody says both (RFC 9112 section 9.3).
    said = elements(view.connection)
    return b"close" not in said and (view.minor == 1 or b"keep-alive" in said)


def wants_upgrade(request: RequestView) -> bool:
    """Is this a request to change the protocol that we pass on?

    Not for HTTP/1.0 (RFC 9110 section 7.8), and not to h2c: requests inside such a tunnel would go around every route and rule.
    """
    # Upgrade alone means nothing: Connection has to name it, or it came through a hop that did not know it (RFC 9110 section 7.8).
    if request.upgrade is None or request.minor == 0 or b"upgrade" not in elements(request.connection):
        return False
    return not any(protocol.startswith(b"h2") for protocol in elements(request.upgrade))


def asked_for(request: RequestView, listener: str) -> tuple[bytes, bytes]:
    """(authority, target in origin-form or `*`). An absolute-form target replaces Host (RFC 9112 section 3.2.2).

    An HTTP/1.0 client that names no host means the address it came to; a path of a unix socket is none.
    """
    authority = request.host
    # In HTTP/1.1 a request without Host was refused before (RFC 9112 section 3.2): this one is of HTTP/1.0.
    if authority is None:
        authority = b"" if listener.startswith("unix:") else listener.encode()
    # What follows is for a target that names its host itself, or `*`. Host is then written anew: if a backend believed the one and our routes
    # the other, a request could pass by the rules of its site.
    if request.target[0] == SLASH:
        return authority, request.target
    found = parse_target(request.target)
    assert not isinstance(found, Error), "request_framing accepted this target"
    if found.authority is None:
        return authority, request.target
    port = b"" if found.authority.port is None else b":%d" % found.authority.port
    # RFC 9112 section 3.2.4: an OPTIONS for a URI without path and query becomes `*` at the last proxy; any other one asks for `/`.
    path = found.path or (b"*" if request.method == b"OPTIONS" and found.query is None else b"/")
    query = b"" if found.query is None else b"?" + found.query
    return found.authority.host + port, path + query


def upstream_head(request: RequestView, authority: bytes, target: bytes) -> bytes:
    """The head that a backend gets, to which lines of ours and the empty line are still to be added."""
    # Nearly every head can stay as it is, and is one slice. `is`, for whoever has changed the target has made another object: to compare could
    # mean 8 kB for each request.
    hop_by_hop = request.upgrade is not None or request.more[TE] is not None
    if target is request.target and request.minor and request.host is not None and not hop_by_hop and request.method not in COUNTED:
        return request.passed_head()
    # Already without what is hop-by-hop, and without what a client says of itself: what is added below is the only word on either.
    fields = request.passed_fields()
    if target is not request.target or request.host is None or not request.minor:
        # First of all fields, where RFC 9110 section 7.2 would have it.
        fields = b"Host: %b\r\n%b" % (authority, without(fields, HOST if request.minor else HOST_AND_EXPECT))
    if request.method in COUNTED:
        fields = _one_hop_less(fields)
    if hop_by_hop:
        fields += _hop_by_hop(request)
    # Our version and not the client's (RFC 9112 section 2.3: a version holds for one connection).
    return b"%b %b HTTP/1.1\r\n%b" % (request.method, target, fields)


def _one_hop_less(fields: bytes) -> bytes:
    left = hops_left(fields)
    # A request with 0 goes nowhere (Asked.last_hop), so nothing is taken from it, and no number becomes negative.
    return fields if not left else b"%bMax-Forwards: %d\r\n" % (without(fields, frozenset((MAX_FORWARDS,))), left - 1)


HOST: Final = frozenset((b"host",))
HOST_AND_EXPECT: Final = frozenset((b"host", b"expect"))  # RFC 9110 section 10.1.1: an HTTP/1.0 client means nothing by it


def _hop_by_hop(request: RequestView) -> bytes:
    """What we say about our connection to the backend, because the client said so about its own."""
    lines, named = [], []
    if request.upgrade is not None and wants_upgrade(request):
        lines.append(b"Upgrade: " + request.upgrade)
        named.append(b"upgrade")
    # Codings beside it would be an agreement between the client and us; only trailers pass through both connections. Whoever sends TE MUST name
    # it in Connection (RFC 9110 section 10.1.4), so that the next one cuts it as well.
    if b"trailers" in elements(request.more[TE]):
        lines.append(b"TE: trailers")
        named.append(b"te")
    return b"%b\r\nConnection: %b\r\n" % (CRLF.join(lines), b", ".join(named)) if lines else b""


def downstream_head(response: ResponseView, cut: frozenset[bytes] = frozenset()) -> bytes:
    """The head that a client gets, in our version of HTTP, without the fields named in `cut`; our lines and the empty one are still to be added."""
    # A response of HTTP/1.0 gets our version; its start line cannot stay, and with it goes the slice.
    if response.minor and not cut:
        return response.passed_head()
    fields = response.passed_fields()
    if cut:
        fields = without(fields, cut)
    return b"HTTP/1.1 %d %b\r\n%b" % (response.status, response.reason, fields)


def plainly_chunked(head: bytes) -> bytes:
    """A head that announces chunks, in a spelling that all read alike: a TAB beside `chunked` is legal (RFC 9110 section 5.6.3), and llhttp takes it for another coding."""
    # A look that nearly always ends it here: few write a TAB anywhere.
    if b"\t" not in head:
        return head
    start, _, fields = head.removesuffix(CRLF).partition(CRLF)
    # The field is written anew as a whole: it can say nothing but `chunked` (request_framing and response_framing refuse all else).
    return b"%b\r\n%b%b\r\n" % (start, without(fields, CODING), CHUNKED_CODING)


def client_name(family: int, peer: Any) -> bytes:
    """`IP:port`, IPv6 in brackets; empty for a unix socket, whose peers have no name."""
    # Brackets, or the last group of an IPv6 address could be taken for the port (RFC 3986 section 3.2.2).
    if family == _socket.AF_INET:
        return b"%b:%d" % (peer[0].encode(), peer[1])
    return b"[%b]:%d" % (peer[0].encode(), peer[1]) if family == _socket.AF_INET6 else b""


def origin_fields(client: bytes, proto: bytes, listener: str) -> bytes:
    """The lines that tell a backend who asked. `client` and `listener` are `IP:port`, IPv6 in brackets; `client` is empty for a unix socket."""
    # X-Forwarded-For has IPv6 without brackets and ports, as everybody reads it; Forwarded has both, and quotes for their sake (RFC 7239
    # section 4: a colon or bracket is in no token).
    address = client.rpartition(b":")[0].strip(b"[]")
    return _origin_pattern(proto, listener) % (address or b"unknown", client or b"unknown")


@lru_cache(maxsize=256)
def _origin_pattern(proto: bytes, listener: str) -> bytes:
    """What all clients of a listener have in common, with two places left: for an address, and for one with its port."""
    by = listener.encode()
    port = by.rpartition(b":")[2]
    # Made once for a listener: this pattern filled in costs less than to keep the lines with each idle connection.
    lines = [b"X-Forwarded-For: %b", b"X-Forwarded-Proto: " + proto]
    if port.isdigit():
        lines += [b"X-Forwarded-Port: " + port, b'Forwarded: proto=%b;for="%%b";by="%b"' % (proto, by)]
    else:
        # Unquoted, as what comes here is the token `unknown`: clients of a unix socket have no address, and the listener has none to be named.
        lines.append(b"Forwarded: proto=%b;for=%%b" % proto)
    return CRLF.join([*lines, b""])


def added_origin(client: bytes, listener: str) -> bytes:
    """Behind what a trusted proxy has said of its client: itself. Several lines of one name are one list (RFC 9110 section 5.3)."""
    address = client.rpartition(b":")[0].strip(b"[]") or b"unknown"
    by = b"" if listener.startswith("unix:") else b';by="%b"' % listener.encode()
    return b'X-Forwarded-For: %b\r\nForwarded: for="%b"%b\r\n' % (address, client or b"unknown", by)


def told_scheme(request: RequestView, scheme: bytes) -> bytes:
    """How the client of a trusted proxy came: as X-Forwarded-Proto says, if that is one line with one known scheme; else as the proxy itself came."""
    said = values(request.passed_fields(), b"x-forwarded-proto")
    # Of two lines one may be what the client had sent to the proxy: neither is believed.
    told = said[0].lower() if len(said) == 1 else b""
    return told if told in SCHEMES else scheme


def completed(head: bytes, proto: bytes, listener: str) -> bytes:
    """A head in which a trusted proxy may have said how its client came; what it has not said is how it came itself."""
    # Only what is missing: the proxy before us has seen the client, and we have not.
    if not values(head, b"x-forwarded-proto"):
        head += b"X-Forwarded-Proto: %b\r\n" % proto
    port = listener.rpartition(":")[2]
    if port.isdigit() and not values(head, b"x-forwarded-port"):
        head += b"X-Forwarded-Port: %b\r\n" % port.encode()
    return head
