"""Opening a connection to a backend."""

import _socket
from collections.abc import Callable
from errno import EINPROGRESS
from typing import Any, TypeVar

from gevent.hub import Hub

from sozu.proxy.stream import Broken, Stream

S = TypeVar("S", bound=Stream)
SocketAddress = Any  # what connect() of the family takes
Preface = bytes | Callable[[Stream], bytes]  # what goes before all else, or who says so once the connection stands; does not raise


def connect(family: int, address: SocketAddress, hub: Hub) -> Stream:
    """Open a connection and park until it stands; raises `Broken`. The caller bounds the time by a deadline."""
    return connected(family, address, hub, Stream)


def connected(family: int, address: SocketAddress, hub: Hub, make: Callable[[_socket.socket, Hub], S]) -> S:
    """The same with another kind of stream."""
    try:
        # The C type and not gevent's class around it, which would cost more than all of a small exchange may (DESIGN section 3.1).
        sock = _socket.socket(family, _socket.SOCK_STREAM | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC)
    except OSError as error:  # no descriptor is left
        raise Broken(None, error) from error
    # A flag and `finally` instead of an `except`: whatever is thrown in while we park (Late, the end of a greenlet), the descriptor goes at once.
    stream, done = make(sock, hub), False
    try:
        if family != _socket.AF_UNIX:
            # Messages are whole when they leave: Nagle's algorithm would hold back the last segment of a request until the backend has acknowledged
            # those before. A unix socket has no such option and refuses it (EOPNOTSUPP).
            sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        # connect_ex, since EINPROGRESS is the usual outcome and no exception is to be made of it. On a unix socket the answer comes
        # at once; EAGAIN there says that the backend's queue of waiting connections is full (unix(7)), and counts as a refusal.
        _finish_connect(sock, stream, sock.connect_ex(address))
        done = True
    finally:
        if not done:
            stream.close()
    return stream


def _finish_connect(sock: _socket.socket, stream: Stream, errno: int) -> None:
    if errno == EINPROGRESS:
        stream.wait_writable()
        # Writable says that the attempt is over and not how: connect(2) leaves that in SO_ERROR.
        errno = sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
    if errno:
        raise Broken(stream, OSError(errno, ""))
