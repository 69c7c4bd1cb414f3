"""A state in a file of its own: a journal of one record, so that its check tells a damaged file and any journal can be loaded like it."""

import errno
import os
from pathlib import Path
import stat

from sozu.command.journal.disk import let_go, put_in_place
from sozu.command.journal.errors import JournalUnusable
from sozu.command.journal.file import read_records, read_whole
from sozu.command.journal.record import Record, line_of
from sozu.command.journal.replaying import state_after
from sozu.command.state import ConfigState


def save(path: Path, record: Record) -> None:
    """Write the file (mode 0600), on the disk and whole, or not at all: the one that was there stays. Raises OSError.

    Raises JournalUnusable if it is there, and the disk may not know its name.
    """
    # The rename would put a file in the place of whatever has this name; a master that is root has been asked for /dev/stdout, and /dev/null.
    if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    descriptor, doubt = put_in_place(path, line_of(record))
    let_go(descriptor)
    if doubt is not None:
        raise JournalUnusable(f"{path} is written, but may not outlast a power failure: {doubt.strerror}") from doubt


def load(path: Path) -> ConfigState:
    """The state that the file leads to. Raises JournalError, also where its end is missing: what was cut off nobody knows."""
    content = read_whole(path)
    # The journal forgives a torn end, since nobody was told of it; this file was whole when `state save` said so, and now it is
    # not.
    if not content.endswith(b"\n"):
        raise JournalUnusable(f"cannot load {path}: {'it is cut off in the middle of a line' if content else 'it is empty'}")
    return state_after(path, read_records(path))
