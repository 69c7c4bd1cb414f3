"""A transaction as a `with` block."""

from collections.abc import Iterable, Iterator
from threading import RLock
from types import TracebackType
from typing import Any, Protocol, Self

from sozu.command.answers import Answer
from sozu.command.channel import parts
from sozu.command.client.errors import ConnectionLost, RequestRefused
from sozu.command.orders import AnyOrder
from sozu.command.requests import Abort, Apply, Begin, Collect, Commit, Plan, Request

_AT_ONCE = 16_384  # bytes of orders in one message: the master reads one in a millisecond, and does other things in between


class Asking(Protocol):
    """The part of a client that a transaction needs."""

    def close(self) -> None:
        """End the connection."""
        ...

    def order(self, request: Request, /) -> Answer:
        """Send one request and wait for its end."""
        ...

    def ask(self, request: Request, /) -> Iterator[Answer]:
        """Send one request and yield its answers."""
        ...

    def stream(self, requests: Iterable[Request], /) -> None:
        """Send many."""
        ...


class Transaction:
    """Made by `Client.transaction`. `outcome` is the final answer once the block has ended well; with `whole` the orders are all there is to be."""

    def __init__(self, client: Asking, turn: RLock, if_revision: int | None) -> None:
        self.whole = False
        self.outcome: Answer
        self.if_revision = if_revision
        self._client, self._turn = client, turn
        self._abandoned = False

    def __enter__(self) -> Self:
        """Begin; orders of other threads on this client wait until the end."""
        self._turn.acquire()
        try:
            self._client.order(Begin())
        # Python calls no `__exit__` after an `__enter__` that raised: without this a Ctrl-C here would keep all other threads out
        # for good.
        except BaseException:
            self._turn.release()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Commit; or abandon it, when the block failed."""
        try:
            if kind is None and not self._abandoned:
                # Decided only now: `whole` may be said anywhere in the block.
                ending = Apply if self.whole else Commit
                self.outcome = self._client.order(ending(if_revision=self.if_revision))
            else:
                self._forget()
        finally:
            self._turn.release()

    def _forget(self) -> None:
        # Or the next order on this connection would be collected too, and never take effect.
        try:
            # What was collected hangs on the connection, so if nobody confirms that it is forgotten, the connection has to go.
            self._client.order(Abort())
        except (ConnectionLost, RequestRefused, TimeoutError):
            self._client.close()

    def order(self, order: AnyOrder) -> None:
        """One more."""
        self.orders([order])

    def orders(self, orders: Iterable[AnyOrder]) -> None:
        """Many more, in few messages. Raises RequestRefused for what is no order at all; what they mean is looked at in the end."""
        # Not one message for all: the largest frame has 2 MiB, and the master would answer nobody else while it reads that.
        self._client.stream(Collect(orders=some) for some in parts(orders, _AT_ONCE))

    def abandon(self) -> None:
        """The end of the block shall change nothing."""
        self._abandoned = True

    def plan(self) -> tuple[list[dict[str, Any]], Answer]:
        """What the end would change: a row for each object, and the final answer, which tells the rest."""
        *some, final = self._client.ask(Plan(whole=self.whole))
        return [row for answer in some for row in answer.data["changes"]], final


