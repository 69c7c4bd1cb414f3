from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import logging
from pathlib import Path

import pytest

from sozu.command.commit import commit
from sozu.command.facts import Overrides, Protocol
from sozu.command.journal import Journal, JournalUnusable, Record
from sozu.command.orders import AddCluster, AddListener, AnyOrder, RemoveCluster, UpdateSettings
from sozu.command.state import ConfigState
from sozu.master.aside import Aside
from sozu.master.author import Author
from sozu.master.ledger import Ledger
from sozu.master.restart import begin, replayed, tell_if_torn
from sozu.master.sockets import ListenerSockets
from sozu.master.workers.roster import Roster

LISTENER = AddListener(protocol=Protocol.HTTP, address="127.0.0.1:0")


def state_of(*orders: AnyOrder) -> ConfigState:
    return commit(ConfigState(), orders).state.at(0)


def write(path: Path, *transactions: Sequence[AnyOrder], first: int = 1) -> None:
    with Journal.open(path) as journal:
        journal.write(
            Record(revision=number, base=number == first > 1, when=0.0, uid=0, pid=0, command="", orders=tuple(orders))
            for number, orders in enumerate(transactions, first)
        )


@contextmanager
def beginning(path: Path) -> Iterator[tuple[Ledger, ListenerSockets]]:
    sockets = ListenerSockets(1)
    with Journal.open(path) as journal:
        ledger = Ledger(replayed(journal).state, journal, sockets, Roster(), Aside())
        try:
            yield ledger, sockets
        finally:
            ledger.close()
            sockets.close_all()


def test_a_first_start_makes_the_file_revision_1(tmp_path: Path) -> None:
    with beginning(tmp_path / "journal") as (ledger, sockets):
        first = begin(ledger, sockets, state_of(LISTENER, AddCluster(cluster="a")), file_wins=True)

        assert first.difference() == ()
        assert ledger.state.revision == 1
        assert set(sockets) == set(ledger.state.listeners)


def test_a_number_of_workers_by_order_gives_way_to_the_command_line_and_nothing_else_does(tmp_path: Path) -> None:
    write(tmp_path / "journal", [LISTENER, AddCluster(cluster="a")], [UpdateSettings(workers=5, max_connections=7)])
    with beginning(tmp_path / "journal") as (ledger, sockets):
        begin(ledger, sockets, state_of(LISTENER, AddCluster(cluster="b")), file_wins=False, workers_win=True)

        assert ledger.state.override == Overrides(max_connections=7)
        assert list(ledger.state.clusters) == ["a"]
    with Journal.open(tmp_path / "journal") as journal:
        assert not replayed(journal).from_file


def test_an_empty_file_makes_no_revision(tmp_path: Path) -> None:
    with beginning(tmp_path / "journal") as (ledger, sockets):
        begin(ledger, sockets, ConfigState(), file_wins=False)

        assert ledger.state.revision == 0


def test_the_journal_wins_and_the_difference_is_told(tmp_path: Path) -> None:
    write(tmp_path / "journal", [AddCluster(cluster="a")])
    with beginning(tmp_path / "journal") as (ledger, sockets):
        restart = begin(ledger, sockets, state_of(AddCluster(cluster="b")), file_wins=False)

        assert set(restart.difference()) == {AddCluster(cluster="b"), RemoveCluster(cluster="a")}
        assert ledger.state.clusters.keys() == {"a"}


def test_the_file_wins_when_it_is_applied(tmp_path: Path) -> None:
    write(tmp_path / "journal", [AddCluster(cluster="a")])
    with beginning(tmp_path / "journal") as (ledger, sockets):
        restart = begin(ledger, sockets, state_of(AddCluster(cluster="b")), file_wins=True)

        assert restart.difference() == ()
        assert ledger.state.clusters.keys() == {"b"}
        assert ledger.state.revision == 2


def test_a_restart_listens_where_it_listened_before(tmp_path: Path) -> None:
    addresses = []
    for _ in range(2):
        with beginning(tmp_path / "journal") as (ledger, sockets):
            restart = begin(ledger, sockets, state_of(LISTENER), file_wins=True)
            assert restart.difference() == ()
            assert ledger.state.revision == 1
            addresses += list(sockets)

    assert addresses[0] == addresses[1]


def test_applying_a_file_listens_on_what_stays_and_what_comes(tmp_path: Path) -> None:
    write(tmp_path / "journal", [AddListener(protocol=Protocol.HTTP, address="127.0.0.1:0"), AddCluster(cluster="a")])
    with beginning(tmp_path / "journal2") as (ledger, sockets):
        begin(ledger, sockets, state_of(LISTENER), file_wins=True)
        stays = list(sockets)
    with beginning(tmp_path / "journal2") as (ledger, sockets):
        begin(ledger, sockets, state_of(LISTENER, AddListener(protocol=Protocol.HTTP, address="[::1]:0")), file_wins=True)

        assert stays[0] in sockets
        assert len(list(sockets)) == 2


def test_revisions_are_counted_on_from_the_last_record(tmp_path: Path) -> None:
    write(tmp_path / "journal", [AddCluster(cluster="a")], first=41)
    with beginning(tmp_path / "journal") as (ledger, _):
        assert ledger.state.revision == 41


def test_a_record_that_makes_no_sense_is_not_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "journal", [RemoveCluster(cluster="nobody")])
    with Journal.open(tmp_path / "journal") as journal, pytest.raises(JournalUnusable, match="revision 1 makes no sense"):
        replayed(journal)


def test_a_torn_record_is_cut_off_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "journal", [AddCluster(cluster="a")])
    with (tmp_path / "journal").open("ab") as file:
        file.write(b'{"revision": 2, "wh')
    with Journal.open(tmp_path / "journal") as journal:
        assert replayed(journal).state.clusters.keys() == {"a"}
        tell_if_torn(journal)

    assert "event=journal_torn" in caplog.text


def test_a_journal_that_only_files_wrote_gives_way_to_an_edited_file(tmp_path: Path) -> None:
    with beginning(tmp_path / "journal") as (ledger, sockets):
        begin(ledger, sockets, state_of(AddCluster(cluster="a")), file_wins=True)
    with Journal.open(tmp_path / "journal") as journal:
        assert replayed(journal).from_file


def test_what_an_edited_file_brings_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sozu.master")
    for clusters in (["a"], ["a", "b", "c"]):
        with beginning(tmp_path / "journal") as (ledger, sockets):
            begin(ledger, sockets, state_of(*(AddCluster(cluster=each) for each in clusters)), file_wins=True)
    assert [line for line in caplog.messages if "file_applied" in line] == ["event=file_applied revision=2 orders=2"]


def test_a_journal_that_a_tool_wrote_to_last_does_not(tmp_path: Path) -> None:
    with beginning(tmp_path / "journal") as (ledger, sockets):
        begin(ledger, sockets, state_of(AddCluster(cluster="a")), file_wins=True)
        ledger.propose([AddCluster(cluster="live")], Author(uid=1, pid=2, command="a tool"))
    with Journal.open(tmp_path / "journal") as journal:
        assert not replayed(journal).from_file


def test_a_new_journal_lets_the_file_win(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal") as journal:
        assert replayed(journal).from_file
