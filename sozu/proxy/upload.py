"""The second half of an exchange: a request body that had not come yet when the head was sent.

It runs in a greenlet of its own beside the exchange, so that a response may come before the body has ended: 100 Continue, an early
413, the two directions of a tunnel. Most requests have no body, or have it in the first packet: they never come here.
"""

from collections.abc import Callable
from typing import Any

from gevent.hub import Hub
from greenlet import getcurrent

from sozu.proxy.bodies import Body, Ended, Malformed, Pace, relay
from sozu.proxy.failures import ClientGone, Failure, Refused
from sozu.proxy.loop.spares import Spares
from sozu.proxy.stream import Broken, Stream

Interrupt = Callable[[Exception], None]


class Stopped(Exception):
    """The exchange goes on without the rest of the body."""


class Upload:
    """Moves a body to a backend; with `half_close` it tells the backend when the body has ended.

    `running` until it ends by itself or by `stop`; `complete` if all of the body was sent. `interrupt` is called in the hub when the
    client's side fails. A failure of the backend's side is not reported: the exchange reads there, and may still find the
    response that explains it.
    """

    __slots__ = (
        "_body", "_greenlet", "_half_close", "_hub", "_interrupt", "_pace", "_sink", "_waiter", "complete", "running",
    )  # fmt: skip

    def __init__(
        self, body: Body, sink: Stream, pace: Pace, hub: Hub, interrupt: Interrupt, *, half_close: bool = False
    ) -> None:
        self._body = body
        self._sink = sink
        self._pace = pace
        self._hub = hub
        self._interrupt = interrupt
        self._half_close = half_close
        # None before it has begun and after it has ended: `_throw` has to tell these from what can be thrown at.
        self._greenlet: Any = None
        self._waiter: Callable[[], object] | None = None
        self.running = True
        self.complete = False

    def start(self, spares: Spares) -> None:
        """Begin in the next turn of the loop."""
        # Not at once: `run` is for the hub only, and an exchange that calls this is in a greenlet. Besides, a response may be here before.
        spares.run_soon(self._run)

    @property
    def waits_for_client(self) -> bool:
        """Is it the client whom we wait for, rather than the backend?"""
        return self.running and self._pace.reading

    @property
    def count(self) -> int:
        """Bytes of the body that were read."""
        return self._pace.count

    def wait(self) -> None:
        """Park until the upload has ended."""
        if self.running:
            # At most one: the exchange whose upload this is.
            self._waiter = getcurrent().switch
            try:
                self._hub.switch()
            finally:
                self._waiter = None

    def stop(self) -> None:
        """End it where it is, and return when it touches neither stream any more. The caller has no deadline meanwhile."""
        # First of all: a failure that was found in this very turn must not be thrown into an exchange that is on its way out.
        self._interrupt = _ignore
        if self.running:
            # From the hub, since a throw runs the other greenlet at once: from here it would never come back.
            self._hub.loop.run_callback(self._throw)
            self.wait()

    def _throw(self) -> None:
        if self._greenlet is not None and self.running:
            self._greenlet.throw(Stopped)
        elif self.running:  # it has not begun, and will find that it need not
            self._finish()

    def _run(self) -> None:
        # Stopped before its first turn: the body was not touched, and the streams may belong to somebody else by now.
        if not self.running:
            return
        self._greenlet = getcurrent()
        try:
            self._move()
        except Stopped:
            self.complete = False
        finally:
            # Also after a fault of our own: an exchange may wait for this end without a deadline.
            self._finish()

    def _move(self) -> None:
        try:
            # It returns when the kernel has all: only then is the request whole for a backend, and its connection fit for another one.
            relay(self._body, self._sink, self._pace)
            if self._half_close:
                # Only where the other side is a tunnel: a backend may take the end of a connection for a client that has gone, and drop its request.
                self._sink.end()
            self.complete = True
        except Ended:
            # Nothing is sent to the backend that would end the body: without its last chunk or byte it cannot take half for the whole.
            self._report(ClientGone("the client closed in the middle of its body"))
        except Malformed as malformed:
            self._report(Refused(f"refused: {malformed}", malformed.status, malformed.reason))
        except Broken as broken:
            # A backend that stops reading may have answered already (413, and closed): the exchange reads there, and what it finds explains more.
            if broken.stream is not self._sink:
                self._report(ClientGone(f"client: {broken}"))

    def _report(self, failure: Failure) -> None:
        # Not at once, as in `stop`; and by `_tell`, which looks `_interrupt` up when it is called: the exchange may have ended by then.
        self._hub.loop.run_callback(self._tell, failure)

    def _tell(self, failure: Failure) -> None:
        self._interrupt(failure)

    def _finish(self) -> None:
        self.running = False
        self._greenlet = None
        # Whoever waits is switched to from the hub: from here we should be left in the middle of our end, and never be spare again.
        self._hub.loop.run_callback(self._wake)

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter()


def _ignore(_: Exception) -> None:
    """Nobody is interested any more."""
