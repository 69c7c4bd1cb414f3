from collections.abc import Callable, Iterator
import os
from pathlib import Path
import stat
import subprocess
import sys

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
import msgspec
import pytest

from sozu.command.facts import LoadBalancing
from sozu.command.journal import Journal, JournalDamaged, JournalLocked, JournalUnusable, Record, Torn
from sozu.command.orders import AddBackend, AddCluster, RemoveCluster


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sozu.journal"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with Journal.open(path) as opened:
        yield opened


def record(revision: int) -> Record:
    orders = (
        AddCluster(cluster=f"c{revision}", load_balancing=LoadBalancing.RANDOM),
        AddBackend(cluster=f"c{revision}", address="127.0.0.1:9001", id="b1"),
    )
    return Record(revision=revision, when=1.5, uid=1000, pid=42, command="sozu cluster add", orders=orders)


def write_records(path: Path, count: int) -> bytes:
    with Journal.open(path) as journal:
        for revision in range(1, count + 1):
            journal.append(record(revision))
        journal.sync()
    return path.read_bytes()


def test_what_was_appended_is_replayed(path: Path) -> None:
    write_records(path, 3)

    with Journal.open(path) as journal:
        assert journal.replay() == [record(1), record(2), record(3)]
        assert journal.torn is None


def test_a_replayed_journal_goes_on(path: Path) -> None:
    write_records(path, 1)
    with Journal.open(path) as journal:
        journal.replay()
        journal.append(record(2))
        assert journal.replay() == [record(1), record(2)]


def test_a_new_journal_is_empty_and_only_its_owner_may_read_it(journal: Journal, path: Path) -> None:
    assert journal.replay() == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_open_mode_is_tightened(path: Path) -> None:
    path.touch()
    path.chmod(0o644)
    Journal.open(path).close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_journal_does_not_reach_a_program_that_is_started(journal: Journal) -> None:
    assert os.get_inheritable(journal.fileno()) is False


def test_a_second_master_is_told_the_pid_of_the_first(journal: Journal) -> None:
    with pytest.raises(JournalLocked) as locked:
        Journal.open(journal.path)

    assert locked.value.pid == os.getpid()
    assert f"in use by pid {os.getpid()}" in str(locked.value)


def test_a_holder_that_proc_does_not_name_is_another_process(
    journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_: "1: POSIX  ADVISORY  WRITE 9 00:2f:1 0 EOF\n")
    with pytest.raises(JournalLocked, match="in use by another process"):
        Journal.open(path)
    assert journal.path == path


def test_the_lock_ends_with_its_process(path: Path) -> None:
    code = f"from sozu.command.journal import Journal; Journal.open({str(path)!r})"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30, cwd=Path(__file__).parents[2])

    Journal.open(path).close()


def make_link(path: Path) -> None:
    path.symlink_to(path.with_name("elsewhere"))


def make_folder(path: Path) -> None:
    path.mkdir()


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_hidden(path: Path) -> None:
    path.parent.joinpath("file").touch()


@pytest.mark.parametrize(
    ("make", "name", "why"),
    [
        (make_link, "sozu.journal", "it is a symbolic link"),
        (make_folder, "sozu.journal", "Is a directory"),
        (make_pipe, "sozu.journal", "it is not a regular file"),
        (make_hidden, "file/sozu.journal", "Not a directory"),
    ],
)
def test_what_is_no_plain_file_is_refused(tmp_path: Path, make: Callable[[Path], None], name: str, why: str) -> None:
    make(tmp_path / "sozu.journal")
    with pytest.raises(JournalUnusable, match=why):
        Journal.open(tmp_path / name)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_journal_torn_anywhere_keeps_every_whole_record(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "torn.journal"
    path.unlink(missing_ok=True)
    content = write_records(path, 3)
    size = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:size])
    whole = content[:size].count(b"\n")

    with Journal.open(path) as journal:
        assert [kept.revision for kept in journal.replay()] == list(range(1, whole + 1))
        end = content[:size].rfind(b"\n") + 1
        assert journal.torn == (Torn(end, content[end:size]) if end < size else None)
        journal.append(record(whole + 1))
        assert len(journal.replay()) == whole + 1


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"", "damaged"),
        (b"\0" * 50, "not a record"),
        (b'{"revision":\xff', "damaged"),
        (b'{"revision":' + b"[" * 100_000, "damaged"),
        (b"\xff\xfe", "damaged"),
        (b"[" * 100_000, "damaged"),
        (b'{"revision":2}', "missing required field"),
        (msgspec.json.encode(record(4)), "revision 4 follows 1"),
        (
            msgspec.json.encode(record(2)).replace(b"add_cluster", b"add_moon")[:-1] + b',"schema":2}',
            r"newer version: schema 2, ours is 1",
        ),
        (msgspec.json.encode(record(2)).replace(b"add_cluster", b"add_moon"), "Invalid value 'add_moon'"),
    ],
)
def test_damage_in_the_middle_names_the_line_and_loads_nothing(path: Path, line: bytes, why: str) -> None:
    first, _, third = write_records(path, 3).splitlines()
    content = b"\n".join([first, line, third, b""])
    path.write_bytes(content)

    with Journal.open(path) as journal, pytest.raises(JournalDamaged, match=why) as damaged:
        journal.replay()
    assert damaged.value.line == 2
    assert str(path) in str(damaged.value)
    assert path.read_bytes() == content


def test_fields_of_a_newer_schema_are_ignored(path: Path) -> None:
    line = msgspec.json.encode(record(1))[:-1] + b',"schema":2,"reason":"because"}\n'
    path.write_bytes(line)

    with Journal.open(path) as journal:
        (kept,) = journal.replay()
    assert (kept.revision, kept.schema) == (1, 2)


def test_a_record_that_cannot_be_written_whole_leaves_no_trace(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = write_records(path, 1)
    write, written = os.write, list[int]()

    def full_disk(descriptor: int, data: memoryview) -> int:
        if written:
            raise OSError(28, "No space left on device")
        written.append(write(descriptor, data[:10]))
        return written[0]

    with Journal.open(path) as journal:
        monkeypatch.setattr(os, "write", full_disk)
        with pytest.raises(OSError, match="No space left"):
            journal.append(Record(revision=2, when=0, uid=0, pid=1, command="", orders=(RemoveCluster(cluster="c1"),)))
        assert path.read_bytes() == content
        monkeypatch.undo()
        journal.append(record(2))
        assert journal.replay() == [record(1), record(2)]


def test_a_group_of_records_is_written_and_synced(path: Path) -> None:
    with Journal.open(path) as journal:
        journal.write([record(1), record(2)])
        assert journal.replay() == [record(1), record(2)]


def test_a_group_that_cannot_be_synced_is_taken_back_as_a_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = write_records(path, 1)
    with Journal.open(path) as journal:
        monkeypatch.setattr(os, "fdatasync", failing)
        with pytest.raises(OSError, match="Input/output error"):
            journal.write([record(2), record(3)])
        assert path.read_bytes() == content


def test_a_journal_that_cannot_be_taken_back_is_unusable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal.open(path) as journal:
        monkeypatch.setattr(os, "fdatasync", failing)
        monkeypatch.setattr(os, "ftruncate", failing)
        with pytest.raises(JournalUnusable, match="what was written cannot be taken back"):
            journal.write([record(1)])


def failing(*_: int) -> None:
    raise OSError(5, "Input/output error")
