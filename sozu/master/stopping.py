"""Soft and hard: a soft stop lets exchanges end within a grace, a hard one does not wait; the hard one may come after the soft."""

import logging

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

    def soft(self, grace: float) -> None:
        """Begin to stop, unless it has begun. Never waits."""
        if not self.begun.is_set():
            self.begun.set()
            log.info("event=soft_stop grace=%g", grace)
            gevent.spawn(self._drain, grace)

    def hard(self) -> None:
        """Stop now, also in the middle of a soft stop. Never waits."""
        self.begun.set()
        log.info("event=hard_stop")
        gevent.spawn(self._kill)

    def _drain(self, grace: float) -> None:
        self._slots.drain_all(grace, self._sockets.close_all)
        self.done.set()

    def _kill(self) -> None:
        self._slots.kill_all()
        self._sockets.close_all()
        self.done.set()
