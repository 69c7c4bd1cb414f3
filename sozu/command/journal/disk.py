"""What it takes until bytes are on the disk, and nobody else's."""

import fcntl
import os
from pathlib import Path

# Private keys of certificates are in the orders.
MODE = 0o600


def sync_folder(folder: Path) -> None:
    """A new file's name is on the disk only when its folder is (fsync(2))."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it. Raises OSError."""
    view = memoryview(data)
    # `write` takes a part where the disk is nearly full (write(2)); only the next call says ENOSPC.
    while view:
        view = view[os.write(descriptor, view) :]


def put_in_place(path: Path, data: bytes, *, locked: bool = False) -> int:
    """Write a file aside, on the disk, and rename it to `path`; the descriptor of what stands there now, to read and append.

    With `locked` nobody finds it there without our lock on it. Raises OSError; the old file stays then.
    """
    # In the same folder: rename is atomic within one file system only (rename(2)), and /tmp is often another one.
    aside = path.with_name(f"{path.name}.new")
    aside.unlink(missing_ok=True)  # of a master that was interrupted
    # O_EXCL and O_NOFOLLOW: in a folder that others may write to, nobody can put a link or a file of theirs in our way.
    descriptor = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)
    try:
        if locked:
            # Before the name is there, so that no moment shows a journal that nobody has locked.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        write_all(descriptor, data)
        # Before the rename: the name may reach the disk before the bytes do, and after a power failure it would lead to an empty
        # file.
        os.fsync(descriptor)
        aside.replace(path)
        sync_folder(path.parent)
    except BaseException:
        os.close(descriptor)
        aside.unlink(missing_ok=True)
        raise
    return descriptor
