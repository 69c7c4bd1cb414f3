"""Taking connections off the listening sockets that the master gave us, and knowing when to leave them there.

One watcher per listening socket; a wake-up takes who waits, a bounded number, so that a flood of new clients does not starve those
inside. A new client is not looked at: his request has not come yet, as a rule, and to have him waited for is no dearer than a look that fails. How many wait is asked: to find out by an accept that fails costs seven times as much, and is most of all accepts where they come singly. When there is no room (`max_connections`) or no descriptor left, somebody who is idle has to go; if nobody is, all
watchers pause and the kernel's backlog waits. `look_again`, called by the worker's tick, resumes: with one try per tick a
worker that starves costs next to nothing. Without descriptors the reserve is given free for those inside (`reserve`). Listening sockets are shared with the master and with a
predecessor or successor, so an accept may always find that somebody else was quicker.
"""

import _socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
import errno
import logging
from sys import byteorder
from typing import Any

from gevent.event import Event
from gevent.hub import Hub

from sozu.proxy.counters import Counters
from sozu.proxy.worker.reserve import Reserve

log = logging.getLogger("sozu.proxy")

_READABLE = 1  # libev's EV_READ
# A bound for fairness: those inside wait for no more than 32 accepts. Who is left makes the watcher fire in the next turn again.
_PER_WAKE_UP = 32
# For a door that closes there is no next turn, so its queue is emptied in one go, however long it is.
_LAST_ONES = 4096  # as many as the master lets wait
_TCP_INFO = 11
# Of struct tcp_info no more is copied than is asked for: 28 bytes, where all of it would be over 200.
_WAITING = slice(24, 28)  # tcpi_unacked: of a listening socket it is the number that wait to be accepted

# accept(2): these belong to the connection that was to be taken, or say that there is none.
# Linux passes on errors that the new connection has met already (accept(2) lists those
# of TCP/IP): to take them for ours would end a worker because of one client's network.
_NOT_THIS_ONE = frozenset(
    (
        errno.EAGAIN,
        errno.ECONNABORTED,
        errno.EPROTO,
        errno.EPERM,  # a firewall forbids it
        errno.EINVAL,  # the master has ended the listening, and is about to say so
        errno.ENETDOWN,
        errno.ENOPROTOOPT,
        errno.EHOSTDOWN,
        errno.ENONET,
        errno.EHOSTUNREACH,
        errno.EOPNOTSUPP,
        errno.ENETUNREACH,
        errno.ETIMEDOUT,
    )
)
NO_RESOURCES = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))

Serve = Callable[[_socket.socket, Any, str], None]
MakeRoom = Callable[[], int]  # how many sessions were closed


@dataclass(slots=True, eq=False)
class _Door:
    """A listening socket with its watcher; `listener` is the listener's address."""

    listener: str
    family: int
    sock: Any  # a raw _socket.socket; its type hides _accept, which gives a bare descriptor
    watcher: Any
    serve: "Serve"

    def waiting(self) -> int:
        """How many connections wait here; more than a wake-up may take, where the kernel does not tell."""
        # There is no such figure for a unix socket, so there the failing accept is paid for, and ends the loop.
        if self.family == _socket.AF_UNIX:
            return _PER_WAKE_UP
        return int.from_bytes(self.sock.getsockopt(_socket.IPPROTO_TCP, _TCP_INFO, _WAITING.stop)[_WAITING], byteorder)

    def close(self) -> None:
        # Before the descriptor is closed: its number may be the next connection's, and libev knows it by that alone.
        self.watcher.stop()
        self.watcher.close()
        self.sock.close()


class AcceptLoop:
    """Accepts on any number of listeners and hands each connection to `serve(socket, peer, listener)`.

    The socket is raw and non-blocking. `serve` is called on the hub and must not switch; it owns the socket. The loop
    counts the connection as open in `counters`; who closes it counts it down.
    """

    def __init__(self, hub: Hub, counters: Counters, max_connections: int, serve: Serve, make_room: MakeRoom) -> None:
        self._loop = hub.loop
        self._counters = counters
        self._most = max_connections
        self._serve = serve
        self._make_room = make_room
        self._doors: dict[str, _Door] = {}
        # Apart from our own: they end by another's word, and a loan may name the same listener as we have.
        self._borrowed: dict[int, list[_Door]] = {}  # by the slot whose sockets they are
        self._reserve = Reserve()
        self._paused = False
        self._full = ""  # why the last pause began; until there was none for a tick

    def allow(self, max_connections: int) -> None:
        """From now on so many connections may be open at once; those that are stay."""
        self._most = max_connections

    @property
    def listeners(self) -> frozenset[str]:
        """Where connections are taken now, or will be after a pause."""
        return frozenset(self._doors)

    @property
    def descriptors(self) -> dict[str, int]:
        """The listening sockets, by listener; they stay ours."""
        return {listener: door.sock.fileno() for listener, door in self._doors.items()}

    @property
    def borrowed(self) -> Iterator[tuple[int, str, int]]:
        """The slots that have lent us sockets, with listener and descriptor; they stay ours."""
        return ((lender, door.listener, door.sock.fileno()) for lender, doors in self._borrowed.items() for door in doors)

    def has_room(self) -> bool:
        """May one more connection be open? Somebody who is idle may have to go for it."""
        # Asked for clients of a worker that drains: they come with their connections, and cannot wait in a queue of the kernel's until there is room.
        return self._counters.connections_open < self._most or bool(self._make_room())

    def open(self, listener: str, sock: _socket.socket, serve: Serve | None = None) -> None:
        """Accept on this listening socket too, for this `serve` or the usual one; the loop owns the descriptor from now on."""
        self._doors[listener] = self._open(listener, sock, serve or self._serve)

    def borrow(self, lender: int, listener: str, sock: _socket.socket) -> None:
        """Accept on a socket of another slot too, as on our own of that listener; without one it is nothing to us."""
        # A loan comes with the sockets of all listeners of its slot: one that was switched off since is not ours to serve.
        if listener in self._doors:
            door = self._open(listener, sock, self._doors[listener].serve)
            self._borrowed.setdefault(lender, []).append(door)
        else:
            sock.close()

    def give_back(self, lender: int) -> None:
        """Accept no more on what this slot has lent; who waits there is for its own worker."""
        # Without letting in who waits, as `close` does: the lender's new worker has the same socket, and the same queue.
        for door in self._borrowed.pop(lender, ()):
            door.close()

    def _open(self, listener: str, sock: _socket.socket, serve: Serve) -> _Door:
        # A wake-up does not mean that somebody is left: others have this socket, and the one that is slower must not stand in accept(2).
        sock.setblocking(False)
        if sock.family != _socket.AF_UNIX:
            # Linux hands it down to every accepted socket: one call here saves one per connection.
            sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        door = _Door(listener, sock.family, sock, self._loop.io(sock.fileno(), _READABLE), serve)
        # A listener that comes during a pause has no room either; `look_again` starts all of them.
        if not self._paused:
            door.watcher.start(self._wake, door)
        return door

    def _all_doors(self) -> Iterator[_Door]:
        yield from self._doors.values()
        for borrowed in self._borrowed.values():
            yield from borrowed

    def serve_by(self, listener: str, serve: Serve | None) -> None:
        """From now on its connections are served like this; those that are in stay as they are."""
        for door in self._all_doors():
            if door.listener == listener:
                # The socket stays open through all such changes: its queue is the kernel's, and would go with it.
                door.serve = serve or self._serve

    def close(self, listener: str) -> None:
        """Accept there no more. Who waits in the backlog is let in first: if nobody has the socket besides us, closing resets them."""
        # Away first: what begins in the hub below may ask where we accept, or pause all doors.
        door = self._doors.pop(listener)
        doors = [door]
        for lender, borrowed in self._borrowed.items():
            # With a listener that is removed, nobody will ever come to this slot's queue again.
            doors += [each for each in borrowed if each.listener == listener]
            self._borrowed[lender] = [each for each in borrowed if each.listener != listener]
        for each in doors:
            self._in_hub(self._take, each, _LAST_ONES)
            each.close()

    def close_all(self) -> None:
        """Accept nowhere any more."""
        for listener in self.listeners:
            self.close(listener)
        # Nobody is let in any more, so those inside may have the reserve: a drain opens connections to backends as well.
        self._reserve.release()

    def look_again(self) -> None:
        """End a pause, unless we know that it would begin again. Called once per tick."""
        # Told a tick later than it ended: where each resumption lets in one and pauses
        # again, that is one long pause to an operator, and not ten lines a second.
        if self._full and not self._paused:
            self._full = ""
            log.warning("event=accept_resumed connections=%d", self._counters.connections_open)
        # The reserve must be whole before anybody comes in, or the next want of descriptors would find nothing to give.
        if self._paused and (self._reserve.refill() or (self._make_room() and self._reserve.refill())):
            self._paused = False
            for door in self._all_doors():
                door.watcher.start(self._wake, door)

    def spare(self) -> bool:
        """Somebody inside wants a descriptor: give the reserve free, and let nobody in meanwhile. False if it is free already."""
        released = self._reserve.release()
        if released:
            # Else newcomers would take what was meant for the backends of those who are inside.
            self._pause("EMFILE")
        return released

    def _wake(self, door: _Door) -> None:
        # One at least, also where nobody is said to wait: what is wrong with the socket shows in accept(2) only, and the watcher would fire for ever.
        self._take(door, min(_PER_WAKE_UP, max(1, door.waiting())))

    def _take(self, door: _Door, most: int) -> None:
        counters = self._counters
        # Somebody is closed only for one who waits, which is certain here for the first: whoever was idle would else go for nothing.
        if counters.connections_open >= self._most and not self._make_room():  # here somebody waits; after the first we cannot know
            self._pause("max_connections")
            return
        accept, serve, listener, family = door.sock._accept, door.serve, door.listener, door.family  # noqa: SLF001 - accept() would wrap what stays raw
        for _ in range(min(most, self._most - counters.connections_open)):
            try:
                descriptor, peer = accept()
            except OSError as error:
                self._fail(error)
                return
            # With kind and protocol given: left to Python they are asked of the kernel, two more calls for each connection.
            sock = _socket.socket(family, _socket.SOCK_STREAM, 0, descriptor)
            sock.setblocking(False)
            # Both before `serve`, which may end the connection at once and counts it down then.
            counters.connections_accepted += 1
            counters.connections_open += 1
            serve(sock, peer, listener)

    def _fail(self, error: OSError) -> None:
        # Where nobody idle can go, the next accept would fail as this one did, at full speed: the pause is what keeps a starved worker from spinning.
        if error.errno in NO_RESOURCES:
            # With room the watcher fires again, since the client still waits: no loop here, so that those inside have their turn between.
            if not self._make_room():  # else there is something to try again with
                self._reserve.release()
                self._pause(errno.errorcode[error.errno])
        elif error.errno not in _NOT_THIS_ONE:
            raise SystemError(f"accept: {error}") from error  # a broken invariant: gevent ends the worker on this one

    def _in_hub(self, function: Callable[..., object], *arguments: object) -> None:
        # A session that is begun may serve its first request at once: that may only leave to the hub, not to whoever drains us.
        done = Event()

        def call() -> None:
            function(*arguments)
            done.set()

        self._loop.run_callback(call)
        done.wait()

    def _pause(self, why: str) -> None:
        self._paused = True
        # Once for each reason: a worker at its limit pauses every tick, for as long as the crowd lasts.
        if why != self._full:
            self._full = why
            log.warning("event=accept_paused reason=%s connections=%d", why, self._counters.connections_open)
        # Level-triggered as they are, they would fire in every turn of the loop for somebody whom nobody may let in.
        for door in self._all_doors():
            door.watcher.stop()
