"""Opening a connection to a backend."""

import _socket
from collections.abc import Callable
from errno import EINPROGRESS
from typing import Any, TypeVar

from gevent.hub import Hub

from sozu.proxy.stream import Broken, Stream

S = TypeVar("S", bound=Stream)
SocketAddress = Any  # what connect() of the family takes


def connect(family: int, address: SocketAddress, hub: Hub) -> Stream:
    """Open a connection and park until it stands; raises `Broken`. The caller bounds the time by a deadline."""
    return connected(family, address, hub, Stream)


def connected(family: int, address: SocketAddress, hub: Hub, make: Callable[[_socket.socket, Hub], S]) -> S:
    """The same with another kind of stream."""
    try:
        sock = _socket.socket(family, _socket.SOCK_STREAM | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC)
    except OSError as error:  # no descriptor is left
        raise Broken(None, error) from error
    stream, done = make(sock, hub), False
    try:
        if family != _socket.AF_UNIX:
            sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        _finish_connect(sock, stream, sock.connect_ex(address))
        done = True
    finally:
        if not done:
            stream.close()
    return stream


def _finish_connect(sock: _socket.socket, stream: Stream, errno: int) -> None:
    if errno == EINPROGRESS:
        stream.wait_writable()
        errno = sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
    if errno:
        raise Broken(stream, OSError(errno, ""))
