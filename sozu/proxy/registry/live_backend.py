"""One backend as this worker lives with it: what is counted and pooled while tables come and go. Nothing here switches greenlets."""

from collections.abc import Callable
from sys import intern
from typing import Any, ClassVar, Protocol

from sozu.command.addresses import named_address, parse_address
from sozu.command.facts import Backend
from sozu.command.remembering import remembered
from sozu.proxy.registry.balancing.hashing import hashed

BackendKey = tuple[str, str]  # (cluster, address), as facts.Backend.key
SocketAddress = tuple[int, Any]  # family, and what connect() of that family takes
Told = Callable[[], None]
Stack = list[Any]  # of Idle, last in, first out; the pool knows more about them


class Idle(Protocol):
    """A pooled connection to a backend that nobody uses now."""

    # It is called in the middle of a swap, where one switch would show an exchange half of a transaction.
    def close(self) -> None:
        """Close it; must not switch greenlets."""


class LiveBackend:
    """A backend as this worker lives with it.

    The data path adds one to `exchanges` where it chose it, in the same breath, and calls `end` when the exchange or tunnel is over; it
    keeps pooled connections in `idle` (last in, first out) and keeps none once `retired` is set.
    `addresses` are (family, sockaddr) each, ready for a socket: one, or those that DNS has for its name; none while it is pending. `seed` is a number that stands for the backend, the same in every worker; `token` does so
    in clients' cookies, and goes by the id: a backend that moves to another address keeps its clients.
    """

    __slots__ = (
        "_seed", "_token", "addresses", "credit", "down", "exchanges", "fact", "idle", "key", "misses", "name", "on_gone", "resting", "retired", "shares", "tunnels",
        "up", "weight",
    )  # fmt: skip

    # An answer gets the `cookie` of whoever counts its exchange: a Lease where the
    # cluster has terms, else the backend itself. So nobody has to ask which it is.
    cookie: ClassVar[bytes] = b""  # what an exchange that counts here tells the client besides: a Lease may have something

    def __init__(self, fact: Backend) -> None:
        # Many backends say the same words: those that are one object stay in the processor's cache.
        self.key: BackendKey = (intern(fact.cluster), intern(fact.address))
        self.addresses = _addresses_of(fact.address)
        self.name = self.key[1]  # as it was configured
        self.fact = fact
        self.weight: float = fact.weight
        self.credit = 0.0  # the balancer's notebook
        self.exchanges = 0
        self.tunnels = 0  # those of its exchanges that have become one
        self.down = False  # the last connection that was tried could not be had
        self.idle: Stack = []
        self.shares = False  # is that the stack of all backends at this address? (stacks.py)
        self.retired = False
        self.on_gone: list[Told] = []
        self._seed = -1  # both are worked out for who asks: most clusters never do
        self._token = b""
        self.up = True  # as active checks have found; without any it is
        self.resting = False  # left alone after failures
        self.misses: Any = None  # a Misses, from the first failure on

    @property
    def seed(self) -> int:
        """See above."""
        if self._seed < 0:
            self._seed = hashed(self.name.encode())
        return self._seed

    @property
    def token(self) -> bytes:
        """See above."""
        if not self._token:
            self._token = token_of(self.fact)
        return self._token

    # Turns are taken here and not in the balancer: an exchange that tries again, a health check and a tunnel all come by this line, whatever chose the backend.
    @property
    def address(self) -> SocketAddress:
        """Where the next connection goes: they take turns."""
        first, *others = self.addresses
        if others:
            self.addresses = (*others, first)
        return first

    @property
    def well(self) -> bool:
        """Is nothing known against it?"""
        # `down` is not asked: it says that the last connect failed, which may be one refused among
        # thousands. What takes a backend out is a check (`up`), or failures that add up (`resting`).
        return self.up and not self.resting

    @property
    def serves(self) -> bool:
        """Does the configuration want new exchanges here, and is it known where that is?"""
        return bool(self.fact.weight and self.addresses) and not self.fact.maintenance

    @property
    def trouble(self) -> str:
        """Why it may get nothing now: it is `pending` (DNS has no address), `down` (a check or the last connection has failed), `resting` after failures; or empty."""
        # First, since nothing else can be known of a backend before it has an address: `down` would be what was found at the one that it had before.
        if not self.addresses:
            return "pending"
        return "down" if self.down or not self.up else "resting" if self.resting else ""

    def end(self) -> None:
        """One exchange or tunnel less; the last one of a retired backend is what somebody may be waiting for."""
        # An exchange counts from the moment it chose us, so also while its connection is being opened: else "drained" could be
        # told between the choice and the connect, and the connect would meet a backend that the operator has switched off.
        self.exchanges -= 1
        if self.retired and not self.exchanges:
            self._tell()

    def serve(self, fact: Backend) -> None:
        """Take new settings, or come back from retirement with the old counts."""
        self.fact = fact
        # Also in the middle of a slow start: the recovery's next tick takes the weight back to what has been earned, of the new full one.
        self.weight = fact.weight
        self._token = b""
        # Who waits for the end has to hear that it will not come: it looks again, finds the backend in use, and answers ERROR.
        if self.retired:
            self.retired = False
            self._tell()

    def retire(self) -> None:
        """No table names it any more: nothing new begins here, and idle connections have no future."""
        self.retired = True
        self.forget_idle()
        if not self.exchanges:
            self._tell()

    def forget_idle(self) -> None:
        """Close the pooled connections that are its own; those that are in use now will not come back to this stack, which is none any more."""
        # A shared one is also that of others, and its connections are plain and nobody's in particular: Stacks empties it when the last one leaves.
        if self.shares:
            return
        # A new list, not a cleared one: a connection that is in use knows its list by identity (`Back.home`), and `Pool.give` closes it when that
        # is not ours any more. Cleared, the list would take back connections to the address of yesterday, or without TLS, for the next exchange.
        stack, self.idle = self.idle, []
        while stack:
            stack.pop().close()

    def _tell(self) -> None:
        # Emptied first: each is told once, and one that asks from its call to be told again must not be lost with the list.
        listeners, self.on_gone = self.on_gone, []
        for listener in listeners:
            listener()


def token_of(fact: Backend) -> bytes:
    """What a cookie says of a backend: not its address, which is nobody's business, and the same in every worker."""
    return b"%016x" % hashed(f"{fact.cluster} {fact.id or fact.address}".encode())


@remembered(1024)  # thousands of sites may be at one address
def _addresses_of(address: str) -> tuple[SocketAddress, ...]:
    if named_address(address) is not None:
        return ()
    where = parse_address(address)
    return ((where.family, where.sockaddr),)
