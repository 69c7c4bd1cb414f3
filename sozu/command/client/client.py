"""What a tool says to the master, as one object.

A plain blocking unix socket, any number of threads; scripts need nothing else of sozu:

    with Client() as client:
        client.order(AddCluster(cluster="blog"))
        with client.transaction() as transaction:
            transaction.order(AddBackend(cluster="blog", address="127.0.0.1:9001"))
        print(client.revision)
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import nullcontext
import os
from threading import RLock
from types import TracebackType
from typing import Any, Self

import msgspec

from sozu.command.answers import Answer, Status
from sozu.command.client.connection import Connection
from sozu.command.client.errors import TAKEN_OVER, RequestRefused
from sozu.command.client.finding import find_socket
from sozu.command.client.transaction import Transaction
from sozu.command.events import Event
from sozu.command.orders import AnyOrder, GivenCertificate, Order
from sozu.command.requests import ORDERS, DumpState, Request, Rollback, SubscribeEvents
from sozu.command.requests import Status as AskStatus

# Without a bound both ends would stand: the master's answers find no room since we do not read, it stops reading since too much is
# unanswered, and our `sendall` waits for it to read. It hangs up after 30 seconds of that.
_WINDOW = 24  # requests under way in a stream of them; the master reads on while fewer than 64 are, and has room for 32 answers

Asked = Order | Request | Mapping[str, Any]  # a mapping has `type` and fields


class Client:
    """A connection to the master; any number of threads may use it. `timeout` bounds the wait for each next answer, in seconds.

    Without a path the socket is found as by the command line. Raises NoMaster if nobody listens; every later wait may raise
    TimeoutError, which says nothing about whether the master acted, RequestRefused or ConnectionLost.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, timeout: float | None = 30.0) -> None:
        self.path = find_socket() if path is None else path
        self._timeout = timeout
        self._connection = Connection(self.path, timeout)
        # Reentrant, since the thread that has the transaction may order by the client as well: what it says is collected, too.
        self._turn = RLock()  # to order: while one thread has a transaction, the orders of others wait

    def __enter__(self) -> Self:
        """The client itself, connected."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the connection; the master forgets a transaction that was begun and not committed."""
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def wait_at_most(self, timeout: float | None) -> None:
        """Bound the wait for each further answer, in seconds: for who has a deadline for them all."""
        self._timeout = timeout

    # ---- asking -------------------------------------------------------------------------------

    def wait_for(self, request: Asked) -> Iterator[Answer]:
        """The same as `ask` for who waits for something: when the master is upgraded meanwhile, ask the next one again."""
        # A refused removal of what has gone already would be confusing here, but the next master knows the departures of the one
        # before and takes it for the wait that it is. Orders without a wait are never repeated: they may be committed although
        # their answer was lost.
        while True:
            try:
                yield from self.ask(request)
            except RequestRefused as refused:
                if refused.code != TAKEN_OVER:
                    raise
            else:
                return

    def ask(self, request: Asked) -> Iterator[Answer]:
        """Send a request and yield its answers; the last one is OK. Raises RequestRefused if it is ERROR."""
        # A generator: nothing is sent before its first answer is asked for.
        number = self._post(request)
        try:
            answer = self._heard(number)
            while not answer.final:
                yield answer
                answer = self._heard(number)
            yield answer
        finally:
            # Also when whoever iterates stops halfway: what still comes to this number would be kept until the end of the
            # connection.
            self._connection.forget(number)

    def order(self, request: Asked, hear: Callable[[Answer], object] = lambda _: None) -> Answer:
        """Send one order or request and wait for its end; `hear` is called with each PROCESSING on the way.

        A `RemoveBackend` with `wait` ends when the last exchange on the last worker has.
        """
        answers = self.wait_for(request) if getattr(request, "wait", False) else self.ask(request)
        return _last(answers, hear)

    def stream(self, requests: Iterable[Asked]) -> None:
        """Send many requests without waiting for each; returns when all have ended. Raises at the first that is refused."""
        waiting: deque[str] = deque()
        try:
            for request in requests:
                waiting.append(self._post(request))
                if len(waiting) == _WINDOW:
                    # Out of the queue only when it has ended well: the one that is refused has to be forgotten with those behind
                    # it, or its last answers would be kept for nobody.
                    self._await(waiting[0])
                    waiting.popleft()
            while waiting:
                self._await(waiting[0])
                waiting.popleft()
        finally:
            for number in waiting:
                self._connection.forget(number)

    # ---- changing -----------------------------------------------------------------------------

    def transaction(self, *, if_revision: int | None = None) -> Transaction:
        """Collect orders in a `with` block, and commit them when it ends: all or none. An exception in it abandons them.

        With `if_revision`, only if that revision is still in force.
        """
        # The lock itself goes along: it is taken in one call (`__enter__`) and given back in another, which no `with` of ours could
        # span.
        return Transaction(self, self._turn, if_revision)

    def commit(self, orders: Iterable[AnyOrder], *, if_revision: int | None = None) -> Answer:
        """Commit all of these orders or none."""
        with self.transaction(if_revision=if_revision) as transaction:
            transaction.orders(orders)
        return transaction.outcome

    def apply(self, orders: Iterable[AnyOrder], *, if_revision: int | None = None) -> Answer:
        """Make these orders the whole configuration: what they do not say goes."""
        with self.transaction(if_revision=if_revision) as transaction:
            transaction.orders(orders)
            transaction.whole = True
        return transaction.outcome

    def rollback(self, revision: int) -> Answer:
        """Say again what was said at a revision, as a new one."""
        return self.order(Rollback(revision=revision))

    # ---- looking ------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """As `sozu status --json` shows it."""
        data: dict[str, Any] = self.order(AskStatus()).data
        return data

    @property
    def revision(self) -> int:
        """The one that is in force."""
        number: int = self.status()["revision"]
        return number

    def state(self) -> list[AnyOrder]:
        """The orders that build the configuration that is in force; certificates are not among them, since their keys are told to nobody."""
        told = (answer.data["orders"] for answer in self.ask(DumpState()))
        orders = (order for some in told for order in msgspec.convert(some, list[AnyOrder]))
        # Their keys read "(withheld)": whoever applied such a list again would have his certificates refused.
        return [order for order in orders if not isinstance(order, GivenCertificate)]

    def events(self, *, since: int | None = None, follow: bool = True) -> Generator[Event, None, None]:
        """Every event after number `since` that is still known, and with `follow` those to come, without end; on a connection of its own.

        Without `since` only those to come. Numbers that are missing belong to events that are not known any more.
        """
        # A connection of its own: a subscription has no end, its silence is no timeout, and whoever stops listening closes it
        # without a thought for other requests.
        with Client(self.path, timeout=None if follow else self._timeout) as listener:
            while True:
                try:
                    for answer in listener.ask(SubscribeEvents(since=since, follow=follow)):
                        if not answer.final and "number" in answer.data:
                            event = msgspec.convert(answer.data, Event)
                            # By number and not by position: the next master goes on with the numbers, so that an upgrade costs the
                            # reader neither a gap nor a repetition.
                            since = event.number
                            yield event
                except RequestRefused as refused:
                    if refused.code != TAKEN_OVER:
                        raise
                else:
                    return

    # ---- how ----------------------------------------------------------------------------------

    def _post(self, request: Asked) -> str:
        # The turn is needed while it is sent, and not until it is answered: the master reads one request after the other, and takes an
        # order for a part of a transaction where one has begun before it. A removal may wait for days.
        with self._turn if _is_order(request) else nullcontext():
            return self._connection.post(_payload(request))

    def _heard(self, number: str) -> Answer:
        answer = self._connection.next_answer(number, self._timeout)
        if answer.status is Status.ERROR:
            raise RequestRefused(answer)
        return answer

    def _await(self, number: str) -> None:
        while not self._heard(number).final:
            continue
        self._connection.forget(number)


def _last(answers: Iterator[Answer], hear: Callable[[Answer], object]) -> Answer:
    for answer in answers:
        if answer.final:
            return answer
        hear(answer)
    # Not an answer that is made up: `ask` ends in a final answer or raises, and a caller of ours who got None would report success.
    raise AssertionError("answers end with a final one, or an exception")


def _is_order(request: Asked) -> bool:
    return request.get("type") in ORDERS if isinstance(request, Mapping) else isinstance(request, Order)


def _payload(request: Asked) -> bytes:
    return msgspec.json.encode(dict(request) if isinstance(request, Mapping) else request)
