"""Soft and hard: a soft stop lets exchanges end within a grace, a hard one does not wait; the hard one may come after the soft."""

import logging
from signal import SIGINT, SIGTERM, Signals

import gevent
from gevent.event import Event

from sozu.master.sockets import ListenerSockets
from sozu.master.workers.slots import Slots

log = logging.getLogger("sozu.master")


class Stopping:
    """The end of this master. `begun` is set with the first stop, `done` when no worker is left."""

    def __init__(self, slots: Slots, sockets: ListenerSockets) -> None:
        self._slots, self._sockets = slots, sockets
        self.begun, self.done = Event(), Event()
        # A list from the moment on in which the estate is gathered: a stop that
        # was carried out then would close the sockets that the estate names.
        self._put_off: list[Signals] | None = None

    def put_off(self) -> list[Signals]:
        """From now on whoever asks for a stop asks the next master: he is noted here, as the signals that say so."""
        self._put_off = []
        return self._put_off

    def soft(self, grace: float) -> None:
        """Begin to stop, unless it has begun. Never waits."""
        if self._put_off is not None:
            # As a signal, because that is what an estate carries, and what the next master knows how to heed.
            self._put_off.append(SIGTERM)
        # The first grace holds. A supervisor that grows impatient sends SIGTERM again, and means no other thing by it.
        elif not self.begun.is_set():
            self.begun.set()
            log.info("event=soft_stop grace=%g", grace)
            # In a greenlet of its own: this is called from the loop of signals
            # and from verbs, and both have to hear the hard stop that may follow.
            gevent.spawn(self._drain, grace)

    def hard(self) -> None:
        """Stop now, also in the middle of a soft stop. Never waits."""
        if self._put_off is not None:
            self._put_off += (SIGINT, SIGINT)  # the second one does not wait
            return
        self.begun.set()
        log.info("event=hard_stop")
        # A soft stop that waits in `_drain` needs no word: it sees
        # its workers end. All that both then do may be done twice.
        gevent.spawn(self._kill)

    def _drain(self, grace: float) -> None:
        # The sockets close when all workers were told and before any is waited for. Later would be wrong: those who
        # come while the last exchanges end would wait in queues that nobody empties, instead of being refused and going
        # elsewhere.
        self._slots.drain_all(grace, self._sockets.close_all)
        self.done.set()

    def _kill(self) -> None:
        self._slots.kill_all()
        self._sockets.close_all()
        self.done.set()
