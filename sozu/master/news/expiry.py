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


def watch_expiry(events: Events, state: Callable[[], ConfigState], clock: Callable[[], float] = time) -> None:
    """Look again and again, without end."""
    told: dict[str, int] = {}
    while True:
        for certificate, days in expiring(state().certificates.values(), clock()):
            if told.get(certificate.fingerprint) != days:
                told[certificate.fingerprint] = days
                names = ", ".join(certificate.names[:3])
                message = f"the certificate of {names} expires in {days} days" if days >= 0 else f"the certificate of {names} has expired"
                events.happened("certificate_expires", message, fingerprint=certificate.fingerprint, days=days)
        gevent.sleep(EVERY)
