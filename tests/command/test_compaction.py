import os
from pathlib import Path
import stat

import pytest

from sozu.command.facts import Cluster, LoadBalancing
from sozu.command.journal import Journal, JournalLocked, Record, state_after
from sozu.command.journal import file as journal_file
from sozu.command.orders import AddBackend, AddCluster, AnyOrder, RemoveCluster


def record(revision: int) -> Record:
    cluster = f"c{revision % 7}"
    orders: tuple[AnyOrder, ...] = (AddCluster(cluster=cluster), AddBackend(cluster=cluster, address=f"127.0.0.1:{revision}"))
    if revision % 5 == 0:
        orders = (*orders, RemoveCluster(cluster=cluster))
    return Record(revision=revision, when=revision, uid=1000, pid=42, command="sozu", orders=orders)


def filled(path: Path, count: int) -> Journal:
    journal = Journal.open(path)
    journal.write(record(revision) for revision in range(1, count + 1))
    return journal


def test_a_compacted_journal_leads_to_the_same_state_and_keeps_the_last_records(tmp_path: Path) -> None:
    with filled(tmp_path / "j", 100) as journal:
        before = state_after(journal.path, journal.replay())
        journal.compact(kept=30)
        records = journal.replay()

        assert state_after(journal.path, records) == before
        assert [each.revision for each in records] == list(range(70, 101))
        assert records[0].base
        assert records[1:] == [record(revision) for revision in range(71, 101)]


def test_it_is_the_same_lock_and_the_same_mode_and_goes_on(tmp_path: Path) -> None:
    with filled(tmp_path / "j", 20) as journal:
        journal.compact(kept=5)
        with pytest.raises(JournalLocked):
            Journal.open(tmp_path / "j")
        journal.write([record(21)])
        assert [each.revision for each in journal.replay()][-1] == 21
        assert stat.S_IMODE((tmp_path / "j").stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["j"]


def test_the_earliest_may_be_made_one_again_and_again(tmp_path: Path) -> None:
    with filled(tmp_path / "j", 20) as journal:
        journal.compact(kept=5)
        journal.write(record(revision) for revision in range(21, 41))
        expected = state_after(journal.path, [record(revision) for revision in range(1, 41)])
        journal.compact(kept=1)

        assert state_after(journal.path, journal.replay()) == expected
        assert [each.revision for each in journal.replay()] == [39, 40]


def test_few_records_are_left_as_they_are(tmp_path: Path) -> None:
    with filled(tmp_path / "j", 5) as journal:
        journal.compact()
        assert journal.replay() == [record(revision) for revision in range(1, 6)]


def test_a_journal_that_cannot_be_compacted_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with filled(tmp_path / "j", 20) as journal:
        content = (tmp_path / "j").read_bytes()
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            journal.compact(kept=5)
        monkeypatch.undo()
        journal.write([record(21)])
        assert journal.replay()[-1] == record(21)
        assert (tmp_path / "j").read_bytes().startswith(content)
    assert [each.name for each in tmp_path.iterdir()] == ["j"]


def test_it_is_overgrown_at_twice_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_file, "KEPT", 4)
    with filled(tmp_path / "j", 8) as journal:
        assert not journal.overgrown
        journal.write([record(9)])
        assert journal.overgrown
        journal.compact(kept=4)
        assert not journal.overgrown


def test_large_records_are_kept_while_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_file, "LARGE", 1000)
    with filled(tmp_path / "j", 20) as journal:
        assert journal.overgrown
        journal.compact()
        assert 1 < len(journal.replay()) < 10


def test_what_an_older_version_took_is_no_reason_not_to_start(tmp_path: Path) -> None:
    order = AddCluster(cluster="keyed", load_balancing=LoadBalancing.MAGLEV, slow_start=5)
    state = state_after(tmp_path / "j", [Record(revision=1, when=1, uid=0, pid=0, command="", orders=(order,))])

    assert state.clusters["keyed"] == Cluster(cluster="keyed", load_balancing=LoadBalancing.MAGLEV)
