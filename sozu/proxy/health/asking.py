"""Asks one backend whether it is well: by a connection, or by a request whose status counts. Lets other greenlets run meanwhile.

A connection to it is made as it would be for an exchange, so a backend that does not prove who it is is not well.
"""

from collections.abc import Callable
import os
from socket import socket
from typing import Final

import gevent

from sozu.command.terms import CheckKind, Health, ProxyProtocol
from sozu.parsers.result import Done
from sozu.proxy.forwarding import client_name
from sozu.proxy.heads import END, RESPONSE_VIEW
from sozu.proxy.loop.connect import Preface
from sozu.proxy.meaning import FINAL
from sozu.proxy.proxied import proxy_header
from sozu.proxy.stream import Broken, Stream

_LONGEST_HEAD: Final = 16_384  # with the heads of interim responses (1xx) before it
_WELL: Final = range(200, 400)

Connect = Callable[[Preface], Stream]  # with this before all else; parks until the connection stands, raises `Broken`


def is_well(connect: Connect, name: str, health: Health, version: ProxyProtocol | None) -> bool:
    """Does the backend to which this connects answer as it should, in time? `name` is its address as a text."""
    try:
        # A timer of its own for each question, which exchanges cannot afford: there is one question for a backend and interval, and no Front
        # whose deadline could be used.
        with gevent.Timeout(health.timeout):
            stream = connect(_before_all(version))
            try:
                return _answers_well(stream, name, health)
            finally:
                stream.close()
    except (Broken, gevent.Timeout):
        return False


def _before_all(version: ProxyProtocol | None) -> Preface:
    """A backend that waits for a PROXY header would take the question for nonsense."""
    if version is None:
        return b""
    # Nobody is named, since the connection is for no client: proxy-protocol.txt means LOCAL for checks. Version 1 has nothing like it.
    return _as_itself if version is ProxyProtocol.V1 else proxy_header(version, b"", "")


def _as_itself(stream: Stream) -> bytes:
    """The addresses of the connection itself, as HAProxy sends them: some servers refuse UNKNOWN, which is what remains on a unix socket."""
    try:
        with socket(fileno=os.dup(stream.fileno())) as own:
            ends = [client_name(own.family, end) for end in (own.getsockname(), own.getpeername())]
    except OSError:
        # No descriptor, or a peer that has gone already: the question itself will tell.
        ends = [b"", b""]
    return proxy_header(ProxyProtocol.V1, ends[0], ends[1].decode())


def _answers_well(stream: Stream, name: str, health: Health) -> bool:
    # A preface is only queued so far. At the close it would leave as well, but a failure to send it would be told to nobody there.
    stream.flush()
    return health.kind is CheckKind.TCP or _status(stream, name, health) in (health.status or _WELL)


def _status(stream: Stream, name: str, health: Health) -> int:
    """Of the last response, behind those of 1xx; 0 for what is none."""
    # A request without Host is a 400 in HTTP/1.1 (RFC 9112 section 3.2), and a path of a unix socket is no host.
    host = health.host or ("localhost" if name.startswith("unix:") else name)
    stream.send(f"GET {health.path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: sozu-health\r\nConnection: close\r\n\r\n".encode())
    data, taken = b"", 0
    # The status is all that counts: a body is not waited for, and ends with its connection, which was asked to close.
    while taken < _LONGEST_HEAD and (piece := stream.read(_LONGEST_HEAD)):
        data, taken = data + piece, taken + len(piece)
        while END in data:
            outcome = RESPONSE_VIEW.fused(data)
            if not isinstance(outcome, Done):
                return 0
            if outcome.value.status >= FINAL or outcome.value.status in health.status:
                return outcome.value.status
            data = bytes(outcome.rest)
    return 0
