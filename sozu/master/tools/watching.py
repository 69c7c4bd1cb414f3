"""Waiting until a removed backend may be stopped: no exchange and no tunnel of any worker names it any more."""

from collections.abc import Iterator

from sozu.command.answers import Status
from sozu.command.state import FrontendKey
from sozu.command.worker_protocol import WatchBackend, WatchFrontend, WatchListener
from sozu.master.tools.tool import Say
from sozu.master.tools.words import plural
from sozu.master.workers.gathering import Gathering
from sozu.master.workers.link import Question
from sozu.master.workers.roster import Roster, Worker


class StillInUse(Exception):
    """The backend is part of the configuration (again): this wait would never end."""


def watch_backend(roster: Roster, cluster: str, address: str, say: Say) -> None:
    """Return when the last exchange has ended; tell the sum over all workers whenever it changes.

    Workers that start later never knew the backend, so whoever is on the roster now is all there is. Raises StillInUse.
    """
    for worker, exchanges in _sums(roster, lambda number: [WatchBackend(id=number, cluster=cluster, address=address)], "exchanges"):
        if worker is not None:
            # One word is enough: a backend that one worker may choose gets new requests.
            raise StillInUse(f"{worker.name} uses {address}")
        say(f"{exchanges} live {plural(exchanges, 'exchange')} on {address}", {"exchanges": exchanges})


def watch_listener(roster: Roster, address: str, say: Say) -> None:
    """Return when the last session of a listener has ended; tell the sum over all workers whenever it changes. Raises StillInUse."""
    for worker, sessions in _sums(roster, lambda number: [WatchListener(id=number, address=address)], "sessions"):
        if worker is not None:
            raise StillInUse(f"{worker.name} accepts on {address}")
        say(f"{sessions} {plural(sessions, 'session')} on {address}", {"sessions": sessions})


def watch_frontend(roster: Roster, frontend: FrontendKey, name: str, say: Say) -> None:
    """Return when the last exchange that came through a frontend has ended; tell the sum over all workers whenever it changes. Raises StillInUse."""
    for worker, sessions in _sums(roster, lambda number: [WatchFrontend(id=number, frontend=frontend)], "sessions"):
        if worker is not None:
            raise StillInUse(f"{worker.name} takes requests for {name}")
        say(f"{sessions} live {plural(sessions, 'exchange')} through {name}", {"sessions": sessions})


def _sums(roster: Roster, question: Question, counted: str) -> Iterator[tuple[Worker | None, int]]:
    """The sum of what the workers count, each time it is another one and not 0; or the worker that says that it is not over."""
    # No deadline: a tunnel may last for days, and a worker that ends meanwhile is not waited for.
    gathering = Gathering(None)
    for worker in roster:
        gathering.ask(worker, question)
    counts: dict[Worker, int] = {}
    told = 0
    for worker, reply in gathering.words():
        if reply is not None and reply.status is Status.ERROR:
            yield worker, 0
        if reply is not None and not reply.status.final:
            counts[worker] = reply.data[counted]
        # Those that have said their last word, or have died, have none any
        # more; a sum without those that have not counted yet would be too
        # small. The end of the wait says that nothing is left; and a worker
        # that tells the same sum as before tells nothing new.
        left = gathering.late
        total = sum(counts.get(each, 0) for each in left)
        if total not in (0, told) and counts.keys() >= set(left):
            told = total
            yield None, total
