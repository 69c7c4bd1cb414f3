"""What it takes until bytes are on the disk, and nobody else's."""

from contextlib import suppress
import fcntl
import os
from pathlib import Path

# Private keys of certificates are in the orders.
MODE = 0o600
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def sync_folder(folder: Path) -> None:
    """A new file's name is on the disk only when its folder is (fsync(2))."""
    descriptor = os.open(folder, _FOLDER)
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


def let_go(descriptor: int) -> None:
    """Close what has been synced, or is not wanted."""
    # Whatever close says, the descriptor is gone, and its lock (close(2)); and what it could not write nobody waits for.
    with suppress(OSError):
        os.close(descriptor)


def put_in_place(path: Path, data: bytes, *, locked: bool = False) -> tuple[int, OSError | None]:
    """Write a file aside, on the disk, and rename it to `path`; the descriptor of what stands there now, to read and append.

    With `locked` nobody finds it there without our lock on it. Raises OSError; the old file stays then. What comes behind it says why the
    name may still lead to the old file after a power failure.
    """
    # Opened before anything is done: where descriptors are wanting (EMFILE), the rename could be made, and not be synced.
    folder = os.open(path.parent, _FOLDER)
    try:
        return _renamed(path, data, locked=locked), _failure_of_sync(folder)
    finally:
        let_go(folder)


def _renamed(path: Path, data: bytes, *, locked: bool) -> int:
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
        # The last step that may fail: behind it the old file has no name, and whoever gave this one up would have none at all.
        aside.replace(path)
    except BaseException:
        let_go(descriptor)
        aside.unlink(missing_ok=True)
        raise
    return descriptor


def _failure_of_sync(folder: int) -> OSError | None:
    try:
        os.fsync(folder)
    except OSError as error:
        return error
    return None
