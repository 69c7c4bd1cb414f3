"""Waiting until nobody uses a backend or a listener any more: the worker's half of `backend remove` and its like."""

from collections.abc import Callable

import gevent
from gevent.event import Event

from sozu.command.answers import Status
from sozu.proxy.registry import BackendKey, Registry

_NEWS_EVERY = 0.25  # seconds; counts fall by the thousand, people read a few

Tell = Callable[[Status, int], None]  # status and the number of live exchanges


def watch_backend(registry: Registry, key: BackendKey, tell: Tell) -> None:
    """Tell PROCESSING with the count while it changes, then OK; ERROR if the backend is (again) in use.

    OK comes the moment the last exchange or tunnel ends, whatever the pace of the news.
    """
    live = registry.find(key)
    gone = Event()
    told = 0
    # Asked anew in each round and not believed of the event: between its end and our turn the backend may have come back, and be somebody's again.
    while live is not None and live.retired and live.exchanges:
        if gone.set not in live.on_gone:  # at first, and when it came back and went again unseen
            gone.clear()
            live.on_gone.append(gone.set)
        if live.exchanges != told:
            told = live.exchanges
            tell(Status.PROCESSING, told)
        gone.wait(_NEWS_EVERY)
    if live is None or live.retired:
        tell(Status.OK, 0)
    else:
        tell(Status.ERROR, live.exchanges)


def watch_sessions(count: Callable[[], int], tell: Tell, *, ending: bool) -> None:
    """Tell PROCESSING with the count while it changes, then OK when it is 0; ERROR at once if it is not `ending`, since others would come."""
    if not ending:
        tell(Status.ERROR, count())
        return
    told = 0
    while left := count():
        if left != told:
            told = left
            tell(Status.PROCESSING, told)
        # Asked and not told: an event for each session's end, by listener, would cost all of them what only a removal wants to know.
        gevent.sleep(_NEWS_EVERY)
    tell(Status.OK, 0)
