"""When the master is gone: the worker goes on serving, and waits at its rendezvous for the next master to adopt it.

The rendezvous is a unix socket beside the command socket (0600), bound by the master and given to us before anything else, since a
worker has no file system later. It is listened on from the start, so that the kernel knows us as who listens; it is accepted on only
when there is no master, so that two cannot have one worker. Who comes shows the first words of a channel, and is told who we are.
"""

import logging
import os
import socket as plain
import struct

import gevent
from gevent import socket

from sozu import __version__
from sozu.command.channel import portions
from sozu.command.settings import Settings
from sozu.command.state import ConfigState, digest
from sozu.command.worker_protocol import SCHEMA, Found, ListenerName
from sozu.proxy.worker.accept import NO_RESOURCES
from sozu.proxy.worker.master_link import MasterLink

log = logging.getLogger("sozu.proxy")

PAUSE = 0.1  # seconds without a descriptor, or memory, for a connection; a master waits for three
WAITING = 1024  # masters; there is one at a time, but those that have died since stay in the queue of a worker that hangs


class Rendezvous:
    """Where the next master finds us."""

    def __init__(self, descriptor: int) -> None:
        """Listen on a bound socket, which is ours from now on."""
        self._listening = socket.socket(fileno=descriptor)
        # Now, while nothing is given up yet: seccomp refuses listen(2) later, when a master has died and it would be needed.
        self._listening.listen(WAITING)
        self._masters = {0, os.getuid()}  # as long as we have not changed it

    def next_master(self) -> socket.socket:
        """Wait for one; its end of a channel."""
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError as error:
                # It would end this worker, with all whom it serves; and somebody may yet close something.
                if error.errno not in NO_RESOURCES:
                    raise
                gevent.sleep(PAUSE)
                continue
            # The kernel's word for who connected (unix(7), SO_PEERCRED). The file's mode says the
            # same, but a folder may be anybody's, and what goes out here are listening sockets.
            _, uid, _ = struct.unpack("3i", connection.getsockopt(plain.SOL_SOCKET, plain.SO_PEERCRED, struct.calcsize("3i")))
            if uid in self._masters:
                return connection
            # Turned away, and waited on: where a stranger could end the wait, no master would find this worker again.
            log.warning("event=stranger_refused uid=%d", uid)
            connection.close()

    def close(self) -> None:
        """Wait no more."""
        self._listening.close()


def tell_who_we_are(
    link: MasterLink, slot: int, settings: Settings, state: ConfigState, listeners: dict[ListenerName, int], *, draining: bool
) -> None:
    """The first words to a master that has found us: who we are, what we know, and our listening sockets, in parts."""
    # One piece at least, also without a listener: the master waits for the one that says `last`.
    pieces = list(portions(list(listeners.items())))
    known = digest(state)  # once: of ten thousand clusters it takes a while
    for number, some in enumerate(pieces, start=1):
        found = Found(
            version=__version__,
            schema=SCHEMA,
            pid=os.getpid(),
            slot=slot,
            revision=state.revision,
            digest=known,
            settings=settings,
            draining=draining,
            listeners=tuple(name for name, _ in some),
            last=number == len(pieces),
        )
        link.say(found, [descriptor for _, descriptor in some])
