"""Asks one backend whether it is well: by a connection, or by a request whose status counts. Lets other greenlets run meanwhile."""

from typing import Any, Final

import gevent
from gevent import socket

from sozu.command.terms import CheckKind, Health, ProxyProtocol
from sozu.parsers.result import Done
from sozu.proxy.heads import END, RESPONSE_VIEW
from sozu.proxy.proxied import proxy_header

_LONGEST_HEAD: Final = 16_384
_WELL: Final = range(200, 400)


def is_well(address: tuple[int, Any], name: str, health: Health, version: ProxyProtocol | None) -> bool:
    """Does the backend at (family, sockaddr) answer as it should, in time? `name` is its address as a text."""
    try:
        with gevent.Timeout(health.timeout), socket.socket(address[0], socket.SOCK_STREAM) as sock:
            sock.connect(address[1])
            if version is not None:
                sock.sendall(proxy_header(version, b"", name))
            return health.kind is CheckKind.TCP or _status(sock, name, health) in (health.status or _WELL)
    except (OSError, gevent.Timeout):
        return False


def _status(sock: Any, name: str, health: Health) -> int:
    """0 for what is no response."""
    host = health.host or ("localhost" if name.startswith("unix:") else name)
    sock.sendall(f"GET {health.path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: sozu-health\r\nConnection: close\r\n\r\n".encode())
    data = b""
    while END not in data and len(data) < _LONGEST_HEAD:
        piece = sock.recv(_LONGEST_HEAD)
        if not piece:
            break
        data += piece
    outcome = RESPONSE_VIEW.fused(data)
    return outcome.value.status if isinstance(outcome, Done) else 0
