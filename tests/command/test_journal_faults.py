"""Whatever fails while a file is put in place: the journal, its path and its lock belong together, and what is said of it is true."""

import errno
import fcntl
import os
from pathlib import Path
import resource
from typing import Any

import pytest

from sozu.command.journal import Journal, JournalLocked, JournalUnusable, Record, saved
from sozu.command.journal import file as journal_file
from sozu.command.orders import AddCluster

Step = tuple[Any, str, int]  # where the call is, what it is called, and which of its calls fails

# The calls of `compact`, in their order; of two of a name the first is the file's, the second the folder's.
BEFORE: list[Step] = [(Path, "unlink", 1), (os, "open", 1), (os, "open", 2), (fcntl, "flock", 1), (os, "write", 1), (os, "fsync", 1), (Path, "replace", 1)]
AFTER: list[Step] = [(os, "fsync", 2), (os, "close", 1), (os, "close", 2)]


def record(revision: int) -> Record:
    return Record(revision=revision, when=1, uid=0, pid=0, command="", orders=(AddCluster(cluster=f"c{revision}"),))


def filled(path: Path) -> Journal:
    journal = Journal.open(path)
    journal.write(map(record, range(1, 6)))
    return journal


def fail(monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    """Let one call fail; a close closes all the same (close(2))."""
    place, name, number = step
    original = getattr(place, name)
    calls: list[object] = []

    def failing(*given: Any, **named: Any) -> Any:
        calls.append(given)
        if len(calls) != number:
            return original(*given, **named)
        if name == "close":
            original(*given, **named)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(place, name, failing)


def check_goes_on(journal: Journal, path: Path) -> None:
    """It is the file under the path, it is locked, and what is committed now is found at the next start."""
    assert os.path.samestat(os.fstat(journal.fileno()), path.stat())
    with pytest.raises(JournalLocked):
        Journal.open(path)
    journal.write([record(6)])
    journal.close()
    with Journal.open(path) as again:
        assert again.replay()[-1] == record(6)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("step", BEFORE, ids=str)
def test_a_compaction_that_fails_before_the_rename_leaves_the_old_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    journal = filled(tmp_path / "j")
    content = (tmp_path / "j").read_bytes()
    fail(monkeypatch, step)
    with pytest.raises(OSError, match="Input/output"):
        journal.compact(kept=2)
    monkeypatch.undo()

    assert (tmp_path / "j").read_bytes() == content
    check_goes_on(journal, tmp_path / "j")


@pytest.mark.parametrize("step", AFTER, ids=str)
def test_a_compaction_is_done_once_the_file_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    journal = filled(tmp_path / "j")
    fail(monkeypatch, step)
    journal.compact(kept=2)
    monkeypatch.undo()

    assert len(journal.replay()) == 3
    check_goes_on(journal, tmp_path / "j")


def test_one_descriptor_is_too_few_and_said_before_anything_is_done(tmp_path: Path) -> None:
    journal = filled(tmp_path / "j")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(journal.fileno())
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, limits[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            journal.compact(kept=2)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    assert len(journal.replay()) == 5
    check_goes_on(journal, tmp_path / "j")


def test_while_its_name_may_not_be_on_the_disk_nothing_more_is_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with filled(tmp_path / "j") as journal:
        fail(monkeypatch, (os, "fsync", 2))
        journal.compact(kept=2)
        monkeypatch.undo()

        fail(monkeypatch, (os, "fsync", 1))
        with pytest.raises(OSError, match="Input/output"):
            journal.write([record(6)])
        assert len(journal.replay()) == 3

        journal.write([record(6)])
        fail(monkeypatch, (os, "fsync", 1))  # which has been made up for
        journal.write([record(7)])


def test_a_new_journal_whose_folder_cannot_be_synced_leaves_no_descriptor_and_tries_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    fail(monkeypatch, (os, "fsync", 1))
    with pytest.raises(OSError, match="Input/output"):
        Journal.open(tmp_path / "j")
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
    monkeypatch.undo()

    # Its file is there by now, and its name may still not be on the disk.
    monkeypatch.setattr(journal_file, "sync_folder", synced.append)
    Journal.open(tmp_path / "j").close()
    assert synced == [tmp_path]


def test_a_journal_that_another_compacts_between_open_and_lock_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = filled(tmp_path / "j")
    lock = fcntl.flock

    def late(descriptor: int, how: int) -> None:
        monkeypatch.undo()
        holder.compact(kept=2)
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(JournalLocked):
        Journal.open(tmp_path / "j")
    check_goes_on(holder, tmp_path / "j")


def test_a_journal_that_is_removed_between_open_and_lock_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path / "j").close()
    lock = fcntl.flock

    def late(descriptor: int, how: int) -> None:
        monkeypatch.undo()
        (tmp_path / "j").unlink()
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", late)
    journal = Journal.open(tmp_path / "j")

    assert journal.replay() == []
    journal.write(map(record, range(1, 6)))
    check_goes_on(journal, tmp_path / "j")


@pytest.mark.parametrize("step", [step for step in BEFORE if step[1] != "flock"], ids=str)
def test_a_state_that_cannot_be_saved_leaves_the_one_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    saved.save(tmp_path / "s", record(1))
    fail(monkeypatch, step)
    with pytest.raises(OSError, match="Input/output"):
        saved.save(tmp_path / "s", record(1))
    monkeypatch.undo()

    assert "c1" in saved.load(tmp_path / "s").clusters
    assert [each.name for each in tmp_path.iterdir()] == ["s"]


def test_a_saved_state_that_may_not_be_on_the_disk_is_said_to_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(monkeypatch, (os, "fsync", 2))
    with pytest.raises(JournalUnusable, match="s is written, but may not outlast a power failure: Input/output error"):
        saved.save(tmp_path / "s", record(1))

    assert "c1" in saved.load(tmp_path / "s").clusters
