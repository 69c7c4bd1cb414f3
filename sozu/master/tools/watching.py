"""Waiting until a removed backend may be stopped: no exchange and no tunnel of any worker names it any more."""

from sozu.command.answers import Status
from sozu.command.worker_protocol import WatchBackend
from sozu.master.tools.tool import Say
from sozu.master.workers.gathering import Gathering
from sozu.master.workers.roster import Roster, Worker


class StillInUse(Exception):
    """The backend is part of the configuration (again): this wait would never end."""


def watch_backend(roster: Roster, cluster: str, address: str, say: Say) -> None:
    """Return when the last exchange has ended; tell the sum over all workers whenever it changes.

    Workers that start later never knew the backend, so whoever is on the roster now is all there is. Raises StillInUse.
    """
    gathering = Gathering(None)
    for worker in roster:
        gathering.ask(worker, lambda number: [WatchBackend(id=number, cluster=cluster, address=address)])
    exchanges: dict[Worker, int] = {}
    told = 0
    for worker, reply in gathering.replies():
        if reply.status is Status.ERROR:
            raise StillInUse(f"{worker.name} uses {address}")
        exchanges[worker] = 0 if reply.status.final else reply.data["exchanges"]
        total = sum(exchanges.values())
        if total not in (0, told):
            say(f"{total} live {'exchange' if total == 1 else 'exchanges'} on {address}", {"exchanges": total})
        told = total
