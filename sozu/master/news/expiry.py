"""Certificates that expire soon are told as events, each once a day: days before, not when clients complain."""

from collections.abc import Callable, Iterable
from time import time

import gevent

from sozu.command.facts import Certificate
from sozu.command.state import ConfigState
from sozu.master.news.events import Events

SOON = 30  # days
DAY = 86_400
EVERY = 3600.0  # seconds between two looks


def expiring(certificates: Iterable[Certificate], now: float) -> list[tuple[Certificate, int]]:
    """Those that are valid for less than `SOON` days from now (seconds since 1970), and for how many; less than 0 if not any more."""
    left = ((each, int((each.not_after - now) // DAY)) for each in certificates)
    return [(each, days) for each, days in left if days < SOON]


class Expiry:
    """Tells `events` of certificates of this state, whichever it is when it is asked."""

    def __init__(self, events: Events, state: Callable[[], ConfigState], clock: Callable[[], float] = time) -> None:
        self._events, self._state, self._clock = events, state, clock
        # By fingerprint, the days that were told last: whatever the hour, one day less is the next event. The next
        # master does not know, and tells once more.
        self._told: dict[str, int] = {}

    def watch(self) -> None:
        """Look again and again, without end."""
        while True:
            self.look()
            gevent.sleep(EVERY)

    def look(self) -> None:
        """Tell what was not told today. Does not switch."""
        for certificate, days in expiring(self._state().certificates.values(), self._clock()):
            if self._told.get(certificate.fingerprint) != days:
                self._told[certificate.fingerprint] = days
                names = ", ".join(certificate.names[:3])
                message = f"the certificate of {names} expires in {days} days" if days >= 0 else f"the certificate of {names} has expired"
                self._events.happened("certificate_expires", message, fingerprint=certificate.fingerprint, days=days)


def watch_expiry(events: Events, state: Callable[[], ConfigState]) -> Expiry:
    """Look from the next turn of the loop on."""
    expiry = Expiry(events, state)
    # In the next turn, because the ledger that `state` asks is made only after this.
    gevent.spawn(expiry.watch)
    return expiry
