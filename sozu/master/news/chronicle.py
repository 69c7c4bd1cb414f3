"""What a publication means to those who listen: a revision, listeners that come and go, backends that have drained.

The ledger tells it each publication twice: `heard` when it is in force, `settled` when the workers have confirmed it.
"""

from collections.abc import Callable, Collection, Iterator

import gevent

from sozu.command.draft import Change
from sozu.command.facts import Backend, Certificate, Cluster, Listener, Overrides
from sozu.command.state import BackendKey
from sozu.master.author import Author
from sozu.master.news.events import Events
from sozu.master.publication import Publication
from sozu.master.tools.watching import StillInUse, watch_backend
from sozu.master.workers.roster import Roster

# An event each for a thousand backends that go would push a tenth of all that is known out of the events.
MOST_TOLD = 100  # backends that drain at once and are told one by one; more are one event


class Chronicle:
    """Writes to `events`; `speak` is called when the settings have changed, `look` when certificates have, `follow` when clusters or backends have, `lend` when listeners have."""

    def __init__(
        self,
        events: Events,
        roster: Roster,
        speak: Callable[[], object],
        look: Callable[[], object] = lambda: None,
        *,
        follow: Callable[[], object] = lambda: None,
        lend: Callable[[], object] = lambda: None,
    ) -> None:
        self._events, self._roster, self._speak, self._look, self._follow, self._lend = events, roster, speak, look, follow, lend

    def heard(self, publication: Publication, author: Author) -> None:
        """It is in force. Does not switch."""
        count = len(publication.orders)
        message = f"revision {publication.revision}: {count} {'order' if count == 1 else 'orders'} by {author.command or 'pid ' + str(author.pid)}"
        told = {"uid": author.uid, "pid": author.pid, "command": author.command}
        self._events.happened("revision_committed", message, revision=publication.revision, orders=count, **told)
        for kind, listener in _listener_news(publication.effects):
            message = f"{listener.protocol} {listener.address}"
            self._events.happened(kind, message, protocol=listener.protocol, address=listener.address, revision=publication.revision)
        # Now, and not once the workers have confirmed: the log level and the number of workers are the master's own.
        if any(isinstance(change.after or change.before, Overrides) for change in publication.effects):
            self._speak()
        # At once, since the next look at all certificates may be an hour away.
        if any(isinstance(change.after, Certificate) for change in publication.effects):
            self._look()
        if any(isinstance(change.after or change.before, Cluster | Backend) for change in publication.effects):
            self._follow()
        # Behind what the workers were told: on what they do not know of yet they would not accept.
        if any(isinstance(change.after or change.before, Listener) for change in publication.effects):
            self._lend()

    def settled(self, publication: Publication) -> None:
        """The workers have confirmed it, or are replaced. Does not switch."""
        gone = removed_backends(publication.effects)
        running = _running(gone, publication)
        self._tell_drained(gone - running)
        # A greenlet each, because a tunnel may last for days; whoever calls this has listeners to close afterwards.
        for key in running:
            gevent.spawn(self._watch, key)

    def _watch(self, key: BackendKey) -> None:
        try:
            watch_backend(self._roster, *key, lambda *_: None)
        except StillInUse:
            return  # it is back: that was the news
        self._tell_drained([key])

    def _tell_drained(self, keys: Collection[BackendKey]) -> None:
        if len(keys) > MOST_TOLD:
            self._events.happened("backends_drained", f"{len(keys)} backends may be stopped now", count=len(keys))
            return
        for cluster, address in keys:
            self._events.happened("backend_drained", f"{address} of cluster {cluster} may be stopped now", cluster=cluster, address=address)


def removed_backends(effects: Collection[Change]) -> set[BackendKey]:
    """The backends that are not there any more after these changes."""
    gone = set[BackendKey]()
    for before, after in effects:
        if after is None and isinstance(before, Backend):
            gone.add(before.key)
        # Changes come in the order in which they were made: what was added again after it had gone is there.
        elif gone and before is None and isinstance(after, Backend):
            gone.discard(after.key)
    return gone


def still_running(publication: Publication) -> set[BackendKey]:
    """Those of them that still have exchanges on some worker; of a worker that was late nobody knows what it does."""
    return _running(removed_backends(publication.effects), publication)


def _running(gone: set[BackendKey], publication: Publication) -> set[BackendKey]:
    return gone if publication.late else gone & publication.running


def _listener_news(effects: Collection[Change]) -> Iterator[tuple[str, Listener]]:
    for change in effects:
        if isinstance(change.after or change.before, Listener):
            yield from _news_of(change)


def _news_of(change: Change) -> Iterator[tuple[str, Listener]]:
    match change.before, change.after:
        case None, Listener() as after:
            yield "listener_added", after
        case Listener() as before, None:
            yield "listener_removed", before
        # Before the general case: that it accepts, or no more, is
        # what somebody waits for, whatever else has changed with it.
        case Listener() as before, Listener() as after if before.active is not after.active:
            yield "listener_activated" if after.active else "listener_deactivated", after
        case Listener(), Listener() as after:
            yield "listener_updated", after
