"""Which request was it? When a worker dies or hangs, what it had received last is named, and its head is kept for a replay.

A worker has its requests land in memory that it shares with us, which costs it nothing, and which is read here only when it has come to grief. It is a suspicion: others may
have been under way. But who has come last twice is worth a look.
"""

from collections import Counter
from contextlib import suppress
import logging
import os
from pathlib import Path
import re
from typing import Final

from sozu import __version__
from sozu.command.worker_protocol import AskWitness
from sozu.master.workers.gathering import Gathering
from sozu.master.workers.roster import Worker

log = logging.getLogger("sozu.master")

# As much as a worker shows (sozu/proxy/loop/landing.py).
LONGEST: Final = 16384
# Whoever can end a worker may do so with ever another request: these come to 4 MiB at most.
MOST_REMEMBERED: Final = 256  # heads
END: Final = b"\r\n\r\n"
_HOST = re.compile(rb"\r\nhost:[ \t]*([^\r\n]*)", re.IGNORECASE)


class Suspects:
    """Names them, and keeps the last one of each slot in a file (0600) beside the command socket."""

    def __init__(self, command_socket: str) -> None:
        self._prefix = f"{command_socket}.suspect"
        self._seen: Counter[bytes] = Counter()

    def watch(self, worker: Worker) -> None:
        """Have a worker of our own code show where its requests land. Never waits."""
        # A worker of another version may not know the question, and a message that is not known ends its channel.
        if worker.version == __version__:
            Gathering(None).ask(worker, lambda number: [AskWitness(id=number)])

    def name(self, worker: Worker, fate: str) -> None:
        """Name what this worker has received last, if it served somebody. Does not switch greenlets."""
        head = last_head(worker.link.witness)
        if not head:
            return
        if len(self._seen) >= MOST_REMEMBERED:
            self._seen.clear()
        self._seen[head] += 1
        found = _HOST.search(head)
        # The first line and the host alone: a head has cookies and
        # passwords, and a log more readers than a file of ours.
        what = (worker.slot, worker.process.pid, fate, self._seen[head], _shown(head.partition(b"\r\n")[0]), _shown(found[1] if found else b""))
        kept = self._keep(worker.slot, head)
        log.error("event=request_suspected slot=%d pid=%d fate=%r times=%d request=%r host=%r head_kept=%r", *what, kept)

    def forget(self, worker: Worker) -> None:
        """It has ended, and was looked at."""
        witness = worker.link.take_witness()
        if witness is not None:
            os.close(witness)

    def _keep(self, slot: int, head: bytes) -> str:
        path = f"{self._prefix}-{slot}"
        try:
            # Made anew each time: with O_EXCL no link is followed, and
            # no file written that somebody has put there to read it.
            with suppress(FileNotFoundError):
                Path(path).unlink()
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(head)
        except OSError as error:
            return f"nowhere: {error.strerror}"
        return path


def last_head(witness: int | None) -> bytes:
    """The head that begins the memory; b"" where there is none, or where it is no memory: the worker has chosen what it shows."""
    if witness is None:
        return b""
    try:
        # Read and not mapped: the worker may make this memory shorter at any time, and who looks behind its end through
        # a map is ended by a SIGBUS.
        data = os.pread(witness, LONGEST, 0)
    except OSError as error:
        log.warning("event=witness_unreadable reason=%r", str(error))
        return b""
    if data.startswith(b"\0"):
        return b""
    head, end, _ = data.partition(END)
    return (head + end) if end else data.rstrip(b"\0")


def _shown(text: bytes) -> str:
    return text[:200].decode("latin-1")
