"""What an exchange holds of a cluster with terms, from the moment it is let in until it ends."""

import logging
from typing import Final, Protocol

from sozu.proxy.clock import Clock
from sozu.proxy.failures import CircuitOpen, TooMany
from sozu.proxy.policy.sources import counted_as
from sozu.proxy.registry.terms import Terms

log = logging.getLogger("sozu.proxy")

SERVER_ERROR: Final = 500


class Outcome(Protocol):
    """How it went; 0 if the client was told nothing. `responded`: when the backend did."""

    status: int
    responded: float | None


class Place(Protocol):
    """Where the exchange is counted."""

    def end(self) -> None:
        """It is over."""

    def forget_idle(self) -> None:
        """Close the pooled connections."""


class Lease:
    """A place at a backend, one among those of its client, a word in the breaker's count. `end` gives all of it back; `cookie` is a line for the client.

    `refused` is set where nobody had room for it: that says how much there is to do, and not how well it is done.
    """

    __slots__ = ("_address", "_clock", "_outcome", "_terms", "backend", "cookie", "refused")

    _address: bytes

    def __init__(self, terms: Terms, clock: Clock, outcome: Outcome, client: bytes) -> None:
        """Raises TooMany or CircuitOpen if it is not let in."""
        # The client's bound before the breaker: an open one lets a single trial through, and if that were refused here afterwards nobody would
        # tell it how the trial went: it might stay open for good.
        if terms.guests is not None:
            self._address = counted_as(client)
            if not terms.guests.enter(self._address):
                raise TooMany
        if terms.breaker is not None and not terms.breaker.admits(clock.now):
            if terms.guests is not None:
                # Here, since nobody calls the `end` of a lease that was refused.
                terms.guests.leave(self._address)
            raise CircuitOpen
        # Only who is let in earns retries: a flood that is refused must not pay for retries against backends that fail.
        if terms.budget is not None:
            terms.budget.earn()
        self._terms = terms
        self._clock = clock
        self._outcome = outcome
        self.backend: Place | None = None
        self.cookie = b""
        self.refused = False

    def end(self) -> None:
        """The exchange is over, and its outcome known."""
        terms = self._terms
        if self.backend is not None:
            if terms.proxy_protocol is not None:
                self.backend.forget_idle()  # they are this client's, whoever asks next
            self.backend.end()
        if terms.guests is not None:
            terms.guests.leave(self._address)
        if terms.breaker is not None:
            # An exchange ends its lease when its status is known, and not before: a breaker that asked earlier never opened.
            status, was_open = 0 if self.refused else self._outcome.status, terms.breaker.open
            # What we told a client of its own request, that it is too slow with its body or breaks a rule in it, says nothing of the cluster.
            ours = self._outcome.responded is None and status < SERVER_ERROR
            terms.breaker.done(self._clock.now, well=None if not status or ours else status < SERVER_ERROR)
            if terms.breaker.open is not was_open:
                log.info("event=circuit_%s cluster=%s", "closed" if was_open else "opened", terms.name)
        if self.backend is not None and terms.queue.waiting:  # who was refused leaves no place, and whoever is called in vain goes to the end of the queue
            terms.queue.call_next()
