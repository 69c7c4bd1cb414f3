"""The journal's file: open and locked, appended to and synced, cut where its last line is torn."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
import fcntl
import os
from pathlib import Path
import stat
from types import TracebackType
from typing import Final, Self

from sozu.command.journal.compaction import compacted
from sozu.command.journal.disk import MODE, let_go, put_in_place, sync_folder, write_all
from sozu.command.journal.errors import JournalDamaged, JournalLocked, JournalUnusable
from sozu.command.journal.record import Record, line_of, record_in, records_in

KEPT: Final = 10_000  # records that stay readable, for `log` and `rollback`
LARGE: Final = 64 << 20  # bytes; beyond it fewer records are kept


@dataclass(frozen=True, slots=True)
class Torn:
    """What was cut off the end of the journal: where it began, in bytes, and what it was."""

    offset: int
    dropped: bytes


class Journal:
    """An open, locked journal. Made by `Journal.open`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.torn: Torn | None = None
        self._descriptor = descriptor
        self._size = self._compacted = os.fstat(descriptor).st_size
        self._count = 0
        self._unnamed = False  # the disk may not know yet that the path leads to this file

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Open or create the journal (mode 0600) and lock it.

        Raises JournalLocked if another master has it, JournalUnusable for a symbolic link, another kind of file, or no permission.
        """
        where = Path(path)
        # Until what is locked is what stands there: another master's `compact` may have put another file, with its own lock on it,
        # under the name since it was opened. The lock on the old one would keep nobody out.
        while (descriptor := _locked(where)) is None:
            continue
        return cls(where, descriptor)

    def replay(self) -> list[Record]:
        """All records, oldest first. A torn last line is cut from the file and told in `torn`.

        Raises JournalDamaged. It is a list on purpose: nothing is used of a journal that is damaged further down.
        """
        content = _read_all(self._descriptor)
        # Nobody was told that what stands behind the last line feed is committed: the line feed is the last byte of an append, and
        # the answer waits for the sync after it. So it may be dropped, and nothing before it may.
        end = content.rfind(b"\n") + 1
        lines = content[:end].split(b"\n")[:-1]
        records = records_in(self.path, lines)
        if end < len(content):
            self._judge_tail(content, end, len(lines) + 1)
        self._count = len(records)
        return records

    def _judge_tail(self, content: bytes, end: int, number: int) -> None:
        # A record that is whole but for its last byte was written with a line feed, which has become another character: it was
        # acknowledged, so it is no torn one. A line that was really cut off before its line feed loses its closing brace here, and
        # is not whole.
        if _whole(self.path, number, content[end:-1]):
            raise JournalDamaged(self.path, number, "its line feed is another character")
        self.torn = Torn(end, content[end:])
        # In the file too, and at once: the next record would otherwise be appended to half a line, and both would be damage.
        self._cut(end)

    def append(self, record: Record) -> None:
        """Write one record at the end; it is safe only after `sync`. Raises OSError, and then the file is as it was before."""
        line = line_of(record)
        try:
            write_all(self._descriptor, line)
        except OSError:
            # Half a line would make every later record unreadable: the next append would go on in it.
            self._cut(self._size)
            raise
        self._size += len(line)
        self._count += 1

    def sync(self) -> None:
        """Wait until everything appended is on the disk; any thread may call it. Raises OSError: what is on the disk is not known then."""
        # Not fsync: the length reaches the disk as well, since without it the data could not be read (fdatasync(2)), and the times
        # of the file, which would cost a second write, interest nobody.
        if self._unnamed:
            # What is appended would be lost with a file to which no name leads; what is older stands in the one before, too.
            sync_folder(self.path.parent)
            self._unnamed = False
        os.fdatasync(self._descriptor)

    def write(self, records: Iterable[Record]) -> None:
        """Append and sync all of these or none. Raises OSError, and then the file is as it was before.

        Raises JournalUnusable if not even that could be done: what a restart would read is not known then, and nothing
        more may be written.
        """
        before, count = self._size, self._count
        try:
            for record in records:
                self.append(record)
            self.sync()
        except OSError as error:
            self._count = count
            # Taken back, and not synced once more: after a failed sync Linux holds the pages for clean, and the next sync says
            # "done" of bytes that never reached the disk.
            self._take_back(before, error)
            raise

    @property
    def size(self) -> int:
        """In bytes."""
        return self._size

    @property
    def overgrown(self) -> bool:
        """Is it time for `compact`? At twice as many records as are kept, or twice as many bytes as it then had."""
        # Twice, so that a compaction, which reads and writes all that stays, is paid for by as much growth. The floor of LARGE
        # keeps a small journal from being compacted whenever it has doubled.
        return self._count > 2 * KEPT or self._size > max(2 * self._compacted, LARGE)

    def compact(self, kept: int = KEPT) -> None:
        """Replace the earliest records by one that says what they came to; the last `kept` stay as they are.

        Written aside and put in place by one rename. Raises OSError or JournalError, and then the old one stays. Where the rename may
        not be on the disk, `sync` sees to it before anything more is committed.
        """
        # By the descriptor and not by the path: it is the file that is locked, whatever stands under its name by now. The clerk
        # calls this in its writer's thread, and only where nobody waits for a commit, since the next write has to wait for it.
        content = _read_all(self._descriptor)
        lines = compacted(self.path, content.split(b"\n")[:-1], kept, LARGE)
        fresh, doubt = put_in_place(self.path, b"".join(lines), locked=True)
        # Nothing may fail from here on: the path leads to the new file, so it is ours, whatever becomes of the old one.
        self._descriptor, old = fresh, self._descriptor
        self._size = self._compacted = sum(map(len, lines))
        self._count = len(lines)
        self._unnamed = doubt is not None
        # The old descriptor, and the old lock with it, go last: the new file has been locked since before it had its name.
        let_go(old)

    def close(self) -> None:
        """Close the file, which gives up the lock."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        """The journal itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close it."""
        self.close()

    def fileno(self) -> int:
        """The descriptor, which also holds the lock."""
        return self._descriptor

    def _take_back(self, size: int, cause: OSError) -> None:
        try:
            self._cut(size)
        except OSError as error:
            # Neither the old nor the new end is certain now. To go on would mean to append to something that a restart reads
            # differently.
            raise JournalUnusable(f"{self.path}: {cause}; and what was written cannot be taken back: {error}") from cause

    def _cut(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)
        self._size = size


def read_aside(path: Path, size: int) -> list[Record]:
    """The records in the first `size` bytes of a journal that another process has open. Raises JournalError or OSError."""
    with path.open("rb") as file:
        # Only so much: the master goes on appending, and what lies beyond `size` may be half a record, or one that is not synced.
        content = file.read(size)
    if len(content) < size:
        raise JournalUnusable(f"{path}: it has become shorter meanwhile")
    return records_in(path, content.split(b"\n")[:-1])


def _locked(path: Path) -> int | None:
    """The file, open and locked; None where another one stands there by now."""
    descriptor = _open(path)
    # Whatever fails after `_open` gives the descriptor back, and with it the lock: fchmod may still be refused when that is ours. A
    # stack, since the other way to say so is to catch everything.
    with ExitStack() as unless_it_works:
        unless_it_works.callback(os.close, descriptor)
        _check_and_lock(path, descriptor)
        if not _stands_at(path, descriptor):
            return None
        if not os.fstat(descriptor).st_size:
            # Now, not at the first record: a transaction on the disk is worth nothing in a file whose name is not. By its size, and
            # not where it was not there before: who made it may have got no further.
            sync_folder(path.parent)
        unless_it_works.pop_all()
    return descriptor


def _open(path: Path) -> int:
    # O_CLOEXEC is for the lock: it ends when the last descriptor is closed, and a worker that had one would hold it beyond its
    # master. O_NONBLOCK: what is no file is to be refused, and not waited for as a device may have us do (open(2)).
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        return os.open(path, flags, MODE)
    except OSError as error:
        raise _unusable(path, error) from error


def _stands_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _check_and_lock(path: Path, descriptor: int) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise JournalUnusable(f"cannot use {path}: it is not a regular file")
    try:
        # Not fcntl's record locks: they end as soon as their process closes any descriptor of the file (fcntl(2)), as each `sozu
        # log` would, which reads the path (`History`). Not blocking: the second `serve` has to fail with the first one's pid, and
        # not to stand still.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise JournalLocked(path, _lock_holder(descriptor)) from error
    # Orders will hold private keys of certificates: nobody else may read them, whoever made the file.
    os.fchmod(descriptor, MODE)


def _lock_holder(descriptor: int) -> int | None:
    # proc_locks(5): "1: FLOCK  ADVISORY  WRITE 708 08:02:3932179 0 EOF". The device is not compared: overlay
    # file systems show another one there than stat does.
    inode = os.fstat(descriptor).st_ino
    for line in Path("/proc/locks").read_text("ascii").splitlines():
        fields = line.split()
        if "FLOCK" in fields and fields[-3].rpartition(":")[2] == str(inode):
            return int(fields[-4]) or None
    return None


def read_records(path: Path) -> list[Record]:
    """The whole records of a file that is written by others, or by nobody. Raises JournalError."""
    return records_in(path, read_whole(path).split(b"\n")[:-1])


def read_whole(path: Path) -> bytes:
    """All bytes of a journal. Raises JournalUnusable."""
    try:
        # O_NONBLOCK again: a pipe of that name (`state load PATH`) would have the thread wait for a writer (fifo(7)), and all who
        # need it too.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            return _read_all(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> JournalUnusable:
    return JournalUnusable(f"cannot use {path}: {'it is a symbolic link' if path.is_symlink() else error.strerror}")


def _read_all(descriptor: int) -> bytes:
    os.lseek(descriptor, 0, os.SEEK_SET)
    pieces = []
    while piece := os.read(descriptor, 1 << 20):
        pieces.append(piece)
    return b"".join(pieces)


def _whole(path: Path, number: int, line: bytes) -> bool:
    try:
        record_in(path, number, line)
    except JournalDamaged:
        return False
    return True
