"""Where a worker can be found by a master that follows one which died: a unix socket beside the command socket, one for each worker.

The master binds it, since a worker has no file system; the worker listens on it. Its file goes with the worker.
"""

from collections.abc import Iterator
import glob
import logging
import os
from pathlib import Path
import re
from secrets import token_hex
import socket

log = logging.getLogger("sozu.master")

_MADE = re.compile(r"-[0-9]+-[0-9a-f]{8}")  # slot and chance


class Places:
    """Makes and finds them beside this command socket."""

    def __init__(self, command_socket: str) -> None:
        self._prefix = f"{command_socket}.worker"

    def make(self, slot: int) -> tuple[socket.socket, str] | None:
        """A bound socket (0600) and its path; None where there can be none, and then that worker will not be adopted."""
        # With chance in it: a slot has two workers while one of them drains, and another master may have left a file.
        path = f"{self._prefix}-{slot}-{token_hex(4)}"
        place = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Not a chmod afterwards: in between, any user of the machine could connect.
        mask = os.umask(0o177)
        try:
            place.bind(path)
        except OSError as error:
            place.close()
            # For want of room in the folder, or in the name: unix(7) has 108 bytes
            # for a path, and ours is longer than that of the command socket.
            log.warning("event=no_rendezvous slot=%d reason=%r", slot, str(error))
            return None
        finally:
            os.umask(mask)
        return place, path

    def __iter__(self) -> Iterator[str]:
        """The paths that are there, whether or not somebody listens."""
        # Only what `make` may have made: what is found is removed where nobody listens, and killed where somebody does who says nothing.
        there = Path(self._prefix)
        found = there.parent.glob(f"{glob.escape(there.name)}-*")
        return iter(sorted(str(each) for each in found if _MADE.fullmatch(each.name.removeprefix(there.name))))


def slot_of(path: str) -> int:
    """Whose place it is, of those that Places finds: the slot's number."""
    # From behind: the folder and the command socket may have hyphens in their names.
    return int(path.rsplit("-", 2)[-2])


def remove(path: str) -> None:
    """Take a rendezvous away; its worker has ended. Where that is impossible it stays: the next master finds nobody there."""
    try:
        Path(path).unlink(missing_ok=True)
    except OSError as error:
        log.warning("event=rendezvous_not_removed path=%r reason=%r", path, str(error))
