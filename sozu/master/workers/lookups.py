"""How names are looked up, when that changes: a confined worker may read these files as they were when it started, and a file that was replaced is another one.

The master looks at them every few seconds, and tells workers what is in them now. A worker that starts later reads them itself.
"""

from collections.abc import Iterator
import logging
from pathlib import Path
from typing import Final

import gevent

from sozu import __version__
from sozu.command.worker_protocol import TakeNames
from sozu.master.workers.roster import Roster, Worker, WorkerState

log = logging.getLogger("sozu.master")

HOSTS: Final = Path("/etc/hosts")
RESOLVERS: Final = Path("/etc/resolv.conf")
EVERY: Final = 2.0  # seconds
LARGEST: Final = 500_000  # bytes of a file: both have to fit into a message

Look = tuple[tuple[int, int, int] | None, ...]


class Lookups:
    """`run` for ever in a greenlet."""

    def __init__(self, roster: Roster, hosts: Path = HOSTS, resolvers: Path = RESOLVERS) -> None:
        self._roster = roster
        self._files = (hosts, resolvers)
        # Before anybody is told: what changes in between is told twice, and never not at all.
        self._seen = self._look()

    def run(self) -> None:
        """Tell those who were there before us, then everybody at each change."""
        # They may be those of a master that died, for whom nobody has looked at the files meanwhile.
        for worker in self._roster:
            self._tell(worker)
        while True:
            gevent.sleep(EVERY)
            self.check()

    def check(self) -> None:
        """Tell all workers, if a file has changed."""
        seen = self._look()
        if seen != self._seen:
            self._seen = seen
            log.info("event=lookups_changed")
            for worker in self._roster:
                self._tell(worker)

    def _tell(self, worker: Worker) -> None:
        # A message that is not known ends the channel of an older
        # worker; one that starts can still read the files itself.
        if worker.version == __version__ and worker.state is not WorkerState.STARTING:
            hosts, resolvers = self._texts()
            worker.link.tell(TakeNames(hosts=hosts, resolvers=resolvers))

    def _look(self) -> Look:
        return tuple(_identity(file) for file in self._files)

    def _texts(self) -> Iterator[str]:
        for file in self._files:
            try:
                yield file.read_bytes()[:LARGEST].decode("utf-8", "replace")
            except OSError:
                yield ""


def _identity(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    # All three: one program puts a new file in its place, another writes into the
    # one that is there, twice within one tick of the file system's clock perhaps.
    return found.st_ino, found.st_mtime_ns, found.st_size
