"""The listening sockets of the whole proxy. The master opens them and keeps them; workers get duplicates over their channel.

That is why a crash loses no connection that no worker had accepted yet: the queue belongs to the socket, not to the worker,
and the next worker of the slot finds it as it was (DESIGN.md 4).

TCP: one socket per listener and slot with SO_REUSEPORT, so that the kernel spreads connections evenly over the workers.
Unix: one socket that all slots share, there is nothing to spread over.
"""

from collections.abc import Iterable, Iterator, Mapping
import errno
import logging
import os
from pathlib import Path
import socket
import stat
from typing import Self

from sozu.command.addresses import Address, parse_address
from sozu.master.surroundings.storing import Store
from sozu.master.workers.steering import numbers, release, steer

log = logging.getLogger("sozu.master")

BACKLOG = 4096  # the kernel cuts it to net.core.somaxconn


class CannotListen(Exception):
    """An address cannot be listened on; the text names it and says why."""


class ListenerSockets:
    """What the master listens on: for every open address one socket per slot."""

    def __init__(self, slots: int, store: Store | None = None) -> None:
        """`store` keeps them for the day on which everything of ours is killed."""
        self.slots = slots  # what is opened from now on is opened for so many; others of them open when they are asked for
        self._open: dict[str, tuple[socket.socket, ...]] = {}
        # A start that fails must take none of these away: workers go on serving
        # there, and a unix socket whose file is gone is found by nobody.
        self._adopted = set[str]()
        self.disordered = set[str]()  # addresses whose sockets may have been opened in another order than that of their slots
        self._store = store or Store({})

    def __contains__(self, address: str) -> bool:
        return address in self._open

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._open))

    def of_slot(self, slot: int, address: str) -> socket.socket:
        """The socket by which this slot's worker accepts on this open address. One that is not there yet is opened: raises OSError."""
        opened = self._open[address]
        while slot >= len(opened):
            opened = self._open[address] = (*opened, _another(parse_address(address), opened[0]))
            self._store.follow(self._open)
        return opened[slot]

    def has(self, slot: int, address: str) -> bool:
        """Does this slot have a socket there yet?"""
        return slot < len(self._open.get(address, ()))

    def open(self, text: str) -> str:
        """Listen on an address for every slot and return it with its real port (0 = the kernel chooses one).

        Raises CannotListen, with nothing opened.
        """
        address = parse_address(text)
        assert str(address) not in self._open
        try:
            sockets = _listen_unix(address, self.slots) if _is_unix(address) else _listen_tcp(address, self.slots)
        except OSError as error:
            raise CannotListen(f"cannot listen on {address}: {_reason(error)}") from error
        resolved = str(_name_of(sockets[0], address))
        self._open[resolved] = sockets
        self._store.follow(self._open)
        return resolved

    def adopt(self, address: str, descriptors: Mapping[int, int]) -> None:
        """Take over what another master has opened: for each slot, or for some, a descriptor. The others get a new socket.

        They count as disordered until `disordered` is set to what is known.
        """
        adopted = {slot: socket.socket(fileno=descriptor) for slot, descriptor in descriptors.items()}
        some = next(iter(adopted.values()))
        self._open[address] = tuple(adopted.get(slot) or _another(parse_address(address), some) for slot in range(self.slots))
        self._adopted.add(address)
        self.disordered.add(address)
        self._store.follow(self._open)
        _close(each for slot, each in adopted.items() if slot >= self.slots)

    def hand_over(self) -> dict[str, list[int]]:
        """For another master: a descriptor for each address and slot. Here nothing is open any more."""
        # No duplicates: should the exec fail, this process goes on with these, and the kernel would choose the others for good.
        given, self._open = self._open, {}
        return {address: [each.detach() for each in opened] for address, opened in given.items()}

    def steer(self, count: int) -> None:
        """New connections go to the first `count` slots only."""
        self.slots = count
        for address, opened in self._open.items():
            # A unix socket, and one of systemd's without ReusePort, is one queue for all slots: there is nothing to
            # choose. To ask for the numbers takes connections to ourselves, hence only where the order of slots may not
            # be the order of listening.
            if len(opened) > count and _in_group(opened[0]):
                steer(opened[0], numbers(opened)[:count] if address in self.disordered else range(count))

    def shrink(self, count: int) -> None:
        """Close the sockets of all slots but the first `count`, to which everything was steered."""
        go = {address: opened[count:] for address, opened in self._open.items() if opened[count:]}
        self._open = {address: opened[:count] for address, opened in self._open.items()}
        if go:
            # Given back to systemd before ours are closed, and waited for: as long as anybody holds a copy the
            # kernel goes on choosing that socket, for nobody.
            self._store.follow(self._open)
            self._store.settle()
        for address, opened in go.items():
            # Asked for now: listeners have come and gone meanwhile.
            stay = self._open.get(address)
            if stay is not None and _in_group(stay[0]):
                _end_listening(opened)
                # Only after the others have ceased to listen: its hash spreads over whoever is in the group.
                release(stay[0])
            _close(opened)

    def close(self, address: str) -> None:
        """Stop listening on an address; connections that no worker had accepted are reset."""
        closing = self._open.pop(address)
        self.disordered.discard(address)
        self._store.follow(self._open)
        _close(closing)
        _remove_socket_file(parse_address(address))

    def close_all(self) -> None:
        """Stop listening. What is stored stays so: it may be a restart."""
        self._store = Store({})
        for address in self:
            self.close(address)

    def abandon(self) -> None:
        """Undo what was opened; what was adopted is listened on by others, and its files are theirs."""
        self._store = Store({})
        for address in self:
            if address in self._adopted:
                _close(self._open.pop(address))
            else:
                self.close(address)

    def staging(self) -> "Staging":
        """Open addresses for a transaction that may still be refused."""
        return Staging(self)


class Staging:
    """Addresses opened for one transaction. As a context manager it closes them when the block fails."""

    def __init__(self, sockets: ListenerSockets) -> None:
        self._sockets = sockets
        self._opened: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.undo()

    def open(self, text: str) -> str:
        """As ListenerSockets.open."""
        self._opened.append(self._sockets.open(text))
        return self._opened[-1]

    def undo(self) -> None:
        """Close what was opened."""
        while self._opened:
            self._sockets.close(self._opened.pop())


def _is_unix(address: Address) -> bool:
    return address.family is socket.AF_UNIX


def _name_of(opened: socket.socket, address: Address) -> Address:
    return address if _is_unix(address) else address.with_port(opened.getsockname()[1])


def _listen_tcp(address: Address, slots: int) -> tuple[socket.socket, ...]:
    # Port 0 collides with nobody, so there is nothing to probe.
    if address.port:
        _probe(address)
    opened: list[socket.socket] = []
    try:
        for _ in range(slots):
            opened.append(_shared(address))
            # The kernel chooses for the first one; the others join it at the port that it has got.
            address = _name_of(opened[0], address)
        # Only once all are bound: a socket that listens gets connections at once, and one that failed would reset them.
        for each in opened:
            each.listen(BACKLOG)
    except OSError:
        _close(opened)
        raise
    return tuple(opened)


def _in_group(opened: socket.socket) -> bool:
    """May further sockets listen beside it? Those of systemd may not, unless the unit says ReusePort=yes: all slots share them then."""
    return opened.family is not socket.AF_UNIX and bool(opened.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT))


def _another(address: Address, opened: socket.socket) -> socket.socket:
    """One more socket for a slot, beside one that is open."""
    if not _in_group(opened):
        return opened.dup()
    more = _shared(address)
    more.listen(BACKLOG)
    return more


def _probe(address: Address) -> None:
    # SO_REUSEPORT alone would let a second `serve` of the same user take half of the connections in silence. SO_REUSEADDR
    # tells apart what listens (refused) from what a former run left in TIME_WAIT (not refused).
    with _tcp(address) as probe:
        probe.bind(address.sockaddr)
        probe.listen(1)


def _shared(address: Address) -> socket.socket:
    opened = _tcp(address)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        opened.bind(address.sockaddr)
    except OSError:
        opened.close()
        raise
    return opened


def _tcp(address: Address) -> socket.socket:
    opened = socket.socket(address.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted sockets inherit it
    if address.family is socket.AF_INET6:
        # "[::]:80" is IPv6 alone, whatever the machine's default: who wants both says both.
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return opened


def _listen_unix(address: Address, slots: int) -> tuple[socket.socket, ...]:
    refuse_if_alive(address.host)
    # What a killed master leaves; bind(2) refuses a path that exists, whether or not somebody listens.
    Path(address.host).unlink(missing_ok=True)
    first = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        first.bind(address.host)
        first.listen(BACKLOG)
        # One queue under several descriptors, since a path can be bound only once.
        return (first, *(first.dup() for _ in range(slots - 1)))
    except OSError:
        first.close()
        raise


def refuse_if_alive(path: str) -> None:
    """Raise OSError if the file at `path` is no socket, or one that somebody listens on; it may be removed otherwise."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(errno.EEXIST, "a file that is no socket is there", path)
    # Non-blocking: a queue that is full (EAGAIN) means that somebody listens, however busy.
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        if probe.connect_ex(path) != errno.ECONNREFUSED:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE), path)


def _remove_socket_file(address: Address) -> None:
    try:
        if _is_unix(address):
            Path(address.host).unlink(missing_ok=True)
    # It stays then, and nobody listens there: no reason not to go on with what else is to be closed, or not to stop.
    except OSError as error:
        log.warning("event=socket_not_removed address=%s reason=%r", address, str(error))


def _end_listening(sockets: Iterable[socket.socket]) -> None:
    """Also for whoever else holds one still, such as a worker that is about to give it back: else the kernel would go on choosing it."""
    for each in sockets:
        # Not close: the queue belongs to the open file, which lives as long as anybody's descriptor of it.
        each.shutdown(socket.SHUT_RDWR)


def _close(sockets: Iterable[socket.socket]) -> None:
    for each in sockets:
        each.close()


def _reason(error: OSError) -> str:
    return "another process listens on it" if error.errno == errno.EADDRINUSE else (error.strerror or str(error))
