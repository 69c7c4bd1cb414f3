"""What it takes until bytes are on the disk, and nobody else's."""

import fcntl
import os
from pathlib import Path

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
    while view:
        view = view[os.write(descriptor, view) :]


def put_in_place(path: Path, data: bytes, *, locked: bool = False) -> int:
    """Write a file aside, on the disk, and rename it to `path`; the descriptor of what stands there now, to read and append.

    With `locked` nobody finds it there without our lock on it. Raises OSError; the old file stays then.
    """
    aside = path.with_name(f"{path.name}.new")
    aside.unlink(missing_ok=True)  # of a master that was interrupted
    descriptor = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)
    try:
        if locked:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        write_all(descriptor, data)
        os.fsync(descriptor)
        aside.replace(path)
        sync_folder(path.parent)
    except BaseException:
        os.close(descriptor)
        aside.unlink(missing_ok=True)
        raise
    return descriptor
