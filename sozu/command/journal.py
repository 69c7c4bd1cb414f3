"""The journal: the file that holds every committed transaction, one JSON line each, appended and fsynced before anybody is told.

It is the memory of a proxy that is configured by diffs: after a restart it is replayed, and what tools changed wins over the configuration file.
The lock on it keeps two masters apart. `write` may run in a thread, and syncs once for several transactions. A last line without
its line feed was never acknowledged (the power failed while it was written): it is cut off, and `torn` tells. Damage anywhere else is for a person to judge: nothing is loaded then.
"""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
import fcntl
import os
from pathlib import Path
import stat
from types import TracebackType
from typing import Self

import msgspec

from sozu.command.orders import AnyOrder

SCHEMA = 1
MODE = 0o600


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One committed transaction: its number, when (seconds since 1970, UTC), who asked (peer of the socket), and the orders."""

    revision: int
    when: float
    uid: int
    pid: int
    command: str
    orders: tuple[AnyOrder, ...]
    # True when a master wrote it at its start to become what its file says: from there on nothing live would be lost.
    from_file: bool = False
    # A record says its schema when it is not the first: a newer master may have written it.
    schema: int = 1


@dataclass(frozen=True, slots=True)
class Torn:
    """What was cut off the end of the journal: where it began, in bytes, and what it was."""

    offset: int
    dropped: bytes


class JournalError(Exception):
    """The journal cannot be used; nothing was loaded from it and nothing written to it."""


class JournalLocked(JournalError):
    """Another master holds the journal: `pid`, if it could be found out."""

    def __init__(self, path: Path, pid: int | None) -> None:
        who = f"pid {pid}" if pid is not None else "another process"
        super().__init__(f"{path} is in use by {who}: two masters cannot share a journal (give one another `journal`)")
        self.path, self.pid = path, pid


class JournalDamaged(JournalError):
    """A line that makes no sense, and it is not a torn last one."""

    def __init__(self, path: Path, line: int, why: str) -> None:
        super().__init__(f"{path}:{line}: damaged: {why}")
        self.path, self.line, self.why = path, line, why


class JournalUnusable(JournalError):
    """The path is not a file that may hold a journal."""


class Journal:
    """An open, locked journal. Made by `Journal.open`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.torn: Torn | None = None
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Open or create the journal (mode 0600) and lock it.

        Raises JournalLocked if another master has it, JournalUnusable for a symbolic link, another kind of file, or no permission.
        """
        where = Path(path)
        descriptor = _open(where)
        with ExitStack() as unless_it_works:
            unless_it_works.callback(os.close, descriptor)
            _check_and_lock(where, descriptor)
            unless_it_works.pop_all()
        return cls(where, descriptor)

    def replay(self) -> list[Record]:
        """All records, oldest first. A torn last line is cut from the file and told in `torn`.

        Raises JournalDamaged. It is a list on purpose: nothing is used of a journal that is damaged further down.
        """
        content = _read_all(self._descriptor)
        end = content.rfind(b"\n") + 1
        records = _records(self.path, content[:end])
        if end < len(content):
            self.torn = Torn(end, content[end:])
            self._cut(end)
        return records

    def append(self, record: Record) -> None:
        """Write one record at the end; it is safe only after `sync`. Raises OSError, and then the file is as it was before."""
        line = msgspec.json.encode(record) + b"\n"
        try:
            _write_all(self._descriptor, line)
        except OSError:
            self._cut(self._size)
            raise
        self._size += len(line)

    def sync(self) -> None:
        """Wait until everything appended is on the disk; any thread may call it. Raises OSError: what is on the disk is not known then."""
        os.fdatasync(self._descriptor)

    def write(self, records: Iterable[Record]) -> None:
        """Append and sync all of these or none. Raises OSError, and then the file is as it was before.

        Raises JournalUnusable if not even that could be done: what a restart would read is not known then, and nothing
        more may be written.
        """
        before = self._size
        try:
            for record in records:
                self.append(record)
            self.sync()
        except OSError as error:
            self._take_back(before, error)
            raise

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
            raise JournalUnusable(f"{self.path}: {cause}; and what was written cannot be taken back: {error}") from cause

    def _cut(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)
        self._size = size


def _open(path: Path) -> int:
    created = not path.exists()
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags, MODE)
    except OSError as error:
        why = "it is a symbolic link" if path.is_symlink() else error.strerror
        raise JournalUnusable(f"cannot use {path} as journal: {why}") from error
    if created:
        _sync_folder(path.parent)
    return descriptor


def _check_and_lock(path: Path, descriptor: int) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise JournalUnusable(f"cannot use {path} as journal: it is not a regular file")
    try:
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


def _sync_folder(folder: Path) -> None:
    """A new file's name is on the disk only when its folder is (fsync(2))."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_all(descriptor: int) -> bytes:
    os.lseek(descriptor, 0, os.SEEK_SET)
    pieces = []
    while piece := os.read(descriptor, 1 << 20):
        pieces.append(piece)
    return b"".join(pieces)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _records(path: Path, content: bytes) -> list[Record]:
    decoder = msgspec.json.Decoder(Record)
    records: list[Record] = []
    for number, line in enumerate(content.split(b"\n")[:-1], 1):
        record = _record(path, number, line, decoder)
        if records and record.revision != records[-1].revision + 1:
            raise JournalDamaged(path, number, f"revision {record.revision} follows {records[-1].revision}")
        records.append(record)
    return records


def _record(path: Path, number: int, line: bytes, decoder: msgspec.json.Decoder[Record]) -> Record:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        why = f"{error}{_newer(line)}: {line[:60]!r}"
        raise JournalDamaged(path, number, why) from error


def _newer(line: bytes) -> str:
    """Unknown fields are ignored, so records of a newer schema can mostly be read; an order we do not know cannot."""
    try:
        schema = msgspec.json.decode(line, type=_SchemaOnly).schema
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return f" (it was written by a newer version: schema {schema}, ours is {SCHEMA})" if schema > SCHEMA else ""


class _SchemaOnly(msgspec.Struct):
    schema: int = 1
