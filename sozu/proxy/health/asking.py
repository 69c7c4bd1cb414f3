"""Asks one backend whether it is well: by a connection, or by a request whose status counts. Lets other greenlets run meanwhile.

A connection to it is made as it would be for an exchange, so a backend that does not prove who it is is not well.
"""

from collections.abc import Callable
from typing import Final

import gevent

from sozu.command.terms import CheckKind, Health, ProxyProtocol
from sozu.parsers.result import Done
from sozu.proxy.heads import END, RESPONSE_VIEW
from sozu.proxy.proxied import proxy_header
from sozu.proxy.stream import Broken, Stream

_LONGEST_HEAD: Final = 16_384
_WELL: Final = range(200, 400)

Connect = Callable[[bytes], Stream]  # with this before all else; parks until the connection stands, raises `Broken`


def is_well(connect: Connect, name: str, health: Health, version: ProxyProtocol | None) -> bool:
    """Does the backend to which this connects answer as it should, in time? `name` is its address as a text."""
    try:
        # A timer of its own for each question, which exchanges cannot afford: there is one question for a backend and interval, and no Front
        # whose deadline could be used.
        with gevent.Timeout(health.timeout):
            # A backend that waits for a PROXY header would take the question for nonsense. Nobody is named, since the connection is for no client:
            # LOCAL in version 2, which proxy-protocol.txt means for checks; version 1 has nothing but UNKNOWN.
            stream = connect(b"" if version is None else proxy_header(version, b"", name))
            try:
                return _answers_well(stream, name, health)
            finally:
                stream.close()
    except (Broken, gevent.Timeout):
        return False


def _answers_well(stream: Stream, name: str, health: Health) -> bool:
    # A preface is only queued so far. At the close it would leave as well, but a failure to send it would be told to nobody there.
    stream.flush()
    return health.kind is CheckKind.TCP or _status(stream, name, health) in (health.status or _WELL)


def _status(stream: Stream, name: str, health: Health) -> int:
    """0 for what is no response."""
    # A request without Host is a 400 in HTTP/1.1 (RFC 9112 section 3.2), and a path of a unix socket is no host.
    host = health.host or ("localhost" if name.startswith("unix:") else name)
    stream.send(f"GET {health.path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: sozu-health\r\nConnection: close\r\n\r\n".encode())
    data = b""
    # The status is all that counts: a body is not waited for, and ends with its connection, which was asked to close.
    while END not in data and len(data) < _LONGEST_HEAD:
        piece = stream.read(_LONGEST_HEAD)
        if not piece:
            break
        data += piece
    outcome = RESPONSE_VIEW.fused(data)
    return outcome.value.status if isinstance(outcome, Done) else 0
