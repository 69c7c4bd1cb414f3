from collections.abc import Callable, Iterable, Iterator
import errno
import os
from pathlib import Path
import socket
import threading
from typing import Any
from weakref import ref

import gevent
from gevent.event import Event
import pytest

from sozu.command.commit import Refused, commit
from sozu.command.facts import Match, Protocol
from sozu.command.journal import Journal, JournalUnusable, Record
from sozu.command.orders import (
    ActivateListener,
    AddBackend,
    AddCluster,
    AddHttpFrontend,
    AddListener,
    AnyOrder,
    DeactivateListener,
    RemoveBackend,
    RemoveCluster,
    RemoveListener,
)
from sozu.command.state import ConfigState
from sozu.command.worker_protocol import Publish
from sozu.master import garbage
from sozu.master import publication as publication_module
from sozu.master.aside import Aside
from sozu.master.author import Author
from sozu.master.ledger import HEAVY, Ledger
from sozu.master.proposals import NotWritten, Outdated
from sozu.master.sockets import CannotListen, ListenerSockets
from sozu.master.workers.roster import Roster, WorkerState
from tests.master.played import Play, Played, give_duplicates

PATIENCE = 60.0
AUTHOR = Author(uid=1, pid=2, command="a test")


class FaultyJournal(Journal):
    """A journal that counts its writes, and fails them when told to."""

    fault: Exception | None = None
    writes = 0
    slow: threading.Event | None = None  # a write waits for it

    def write(self, records: Iterable[Record]) -> None:
        self.writes += 1
        if self.slow is not None:
            self.slow.wait(PATIENCE)
        if self.fault is not None:
            raise self.fault
        super().write(records)


class House:
    """A ledger with what it needs, and no worker."""

    def __init__(self, path: Path) -> None:
        self.journal = FaultyJournal.open(path)
        self.sockets = ListenerSockets(2)
        self.roster = Roster()
        self.ledger = Ledger(ConfigState(), self.journal, self.sockets, self.roster, Aside())

    def propose(self, *orders: AnyOrder, if_revision: int | None = None) -> int:
        publication = self.ledger.propose(orders, AUTHOR, if_revision)
        assert list(publication) == []
        return publication.revision

    def close(self) -> None:
        self.ledger.close()
        self.sockets.close_all()
        self.journal.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "journal")
    yield house
    house.close()


def listener(address: str) -> AddListener:
    return AddListener(protocol=Protocol.HTTP, address=address)


def test_a_commit_is_in_the_journal_when_it_is_answered(house: House) -> None:
    assert house.propose(AddCluster(cluster="a")) == 1
    assert house.ledger.state.clusters.keys() == {"a"}
    (record,) = house.journal.replay()
    assert (record.revision, record.uid, record.pid, record.command) == (1, 1, 2, "a test")


def test_a_refused_proposal_leaves_state_and_journal_alone(house: House) -> None:
    with pytest.raises(Refused):
        house.propose(AddCluster(cluster="a"), RemoveCluster(cluster="b"))

    assert house.ledger.state == ConfigState()
    assert house.journal.writes == 0


def test_a_proposal_for_another_revision_is_outdated(house: House) -> None:
    house.propose(AddCluster(cluster="a"))
    with pytest.raises(Outdated, match="revision 1 is in force, not 0"):
        house.propose(AddCluster(cluster="b"), if_revision=0)

    assert house.propose(AddCluster(cluster="b"), if_revision=1) == 2


def test_what_comes_during_an_fsync_shares_the_next_one(house: House) -> None:
    tools = [gevent.spawn(house.propose, AddCluster(cluster=f"c{number}")) for number in range(20)]
    gevent.joinall(tools)

    assert sorted(tool.get() for tool in tools) == list(range(1, 21))
    assert house.journal.writes < 20


def test_in_a_group_a_refusal_concerns_its_own_proposal_only(house: House) -> None:
    good, bad, after = (
        gevent.spawn(house.propose, order)
        for order in (AddCluster(cluster="a"), RemoveCluster(cluster="b"), AddBackend(cluster="a", address="127.0.0.1:1"))
    )
    gevent.joinall([good, bad, after])

    assert (good.get(), after.get()) == (1, 2)
    assert isinstance(bad.exception, Refused)


def test_a_journal_that_is_full_changes_nothing_and_closes_what_was_opened(
    house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    house.journal.fault = OSError(28, "No space left on device")
    with pytest.raises(NotWritten, match="No space left on device"):
        house.propose(listener("127.0.0.1:0"))
    assert list(house.sockets) == []
    assert house.ledger.state.revision == 0
    assert "Traceback" not in capfd.readouterr().err

    house.journal.fault = None
    assert house.propose(AddCluster(cluster="a")) == 1


def test_a_journal_whose_end_is_unknown_takes_no_more(house: House) -> None:
    house.journal.fault = JournalUnusable("cannot be taken back")
    with pytest.raises(NotWritten, match="interrupted"):
        house.propose(AddCluster(cluster="a"))
    house.journal.fault = None
    with pytest.raises(NotWritten, match="takes no more changes"):
        house.propose(AddCluster(cluster="a"))


def test_a_heavy_transaction_is_computed_off_the_loop(house: House) -> None:
    assert house.propose(*(AddCluster(cluster=f"c{number}") for number in range(HEAVY + 1))) == 1
    assert len(house.ledger.state.clusters) == HEAVY + 1


@pytest.mark.parametrize(
    "rule",
    [{"hostname_regex": "a+"}, {"path_regex": "/a+"}, {"headers": (Match(name="a", regex="b"),)}, {"query": (Match(name="a", regex="b"),)}, {"cookies": (Match(name="a", regex="b"),)}],
)
def test_what_has_to_be_compiled_is_compiled_off_the_loop(house: House, monkeypatch: pytest.MonkeyPatch, rule: dict[str, Any]) -> None:
    aside: list[object] = []
    call = Aside.call

    def noted(self: Aside, function: Callable[..., object], *arguments: object) -> object:
        aside.append(function)
        return call(self, function, *arguments)

    monkeypatch.setattr(Aside, "call", noted)
    house.propose(AddCluster(cluster="a"), AddHttpFrontend(cluster="a", hostname="b"))
    assert commit not in aside
    house.propose(AddHttpFrontend(**({"cluster": "a", "hostname": "" if "hostname_regex" in rule else "c"} | rule)))
    assert commit in aside


def test_a_heavy_transaction_that_is_refused_says_why_and_no_more(
    house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Refused, match='no cluster "b"'):
        house.propose(*(AddCluster(cluster=f"c{number}") for number in range(HEAVY)), RemoveCluster(cluster="b"))

    assert capfd.readouterr().err == ""


def test_port_0_is_in_the_journal_as_the_port_that_it_became(house: House) -> None:
    frontend = AddHttpFrontend(cluster="a", hostname="*", listener="127.0.0.1:0")
    house.propose(listener("127.0.0.1:0"), AddCluster(cluster="a"), frontend)
    (address,) = house.ledger.state.listeners
    opened, _, follower = house.journal.replay()[0].orders

    assert address in house.sockets
    assert opened == listener(address)
    assert isinstance(follower, AddHttpFrontend)
    assert follower.listener == address


def test_a_refused_transaction_closes_the_listeners_it_opened(house: House) -> None:
    with pytest.raises(Refused):
        house.propose(listener("127.0.0.1:0"), RemoveCluster(cluster="nobody"))

    assert list(house.sockets) == []


def test_a_listener_that_cannot_be_opened_refuses_the_whole_transaction(house: House) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(CannotListen):
            house.propose(AddCluster(cluster="a"), listener(f"127.0.0.1:{other.getsockname()[1]}"))

    assert house.ledger.state == ConfigState()


def test_an_inactive_listener_is_not_listened_on(house: House) -> None:
    house.propose(listener("127.0.0.1:0"))
    (address,) = house.ledger.state.listeners
    house.propose(AddListener(protocol=Protocol.HTTP, address=address, active=False))
    gevent.idle()

    assert address not in house.sockets


def test_a_removed_listener_is_closed_unless_it_is_back_already(house: House) -> None:
    house.propose(listener("127.0.0.1:0"))
    (address,) = house.ledger.state.listeners
    remove = RemoveListener(protocol=Protocol.HTTP, address=address)
    gevent.joinall([gevent.spawn(house.propose, remove), gevent.spawn(house.propose, listener(address))])
    assert address in house.sockets

    house.propose(remove)
    gevent.idle()
    assert address not in house.sockets


def test_removed_backends_are_remembered_until_they_are_back(house: House) -> None:
    key = ("a", "127.0.0.1:1")
    house.propose(AddCluster(cluster="a"), AddBackend(cluster="a", address="127.0.0.1:1"))
    assert key not in house.ledger.departures.backends
    house.propose(RemoveBackend(cluster="a", address="127.0.0.1:1"))
    assert key in house.ledger.departures.backends
    house.propose(AddBackend(cluster="a", address="127.0.0.1:1"))
    assert key not in house.ledger.departures.backends


def test_a_closed_ledger_finishes_what_was_proposed_and_takes_no_more(house: House) -> None:
    last = gevent.spawn(house.propose, AddCluster(cluster="a"))
    gevent.idle()
    house.ledger.close()

    assert last.get() == 1
    with pytest.raises(NotWritten):
        house.propose(AddCluster(cluster="b"))


def test_a_listener_can_come_back_while_a_worker_that_has_not_heard_of_its_end_still_listens(
    house: House, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publication_module, "PATIENCE", 0.0)
    deaf = play().worker
    deaf.process.ended = Event()
    deaf.now(WorkerState.RUNNING)
    house.roster.join(deaf)
    list(house.ledger.propose([listener("127.0.0.1:0")], AUTHOR))
    (address,) = house.ledger.state.listeners

    list(house.ledger.propose([DeactivateListener(protocol=Protocol.HTTP, address=address)], AUTHOR))
    gevent.sleep(0)
    list(house.ledger.propose([ActivateListener(protocol=Protocol.HTTP, address=address)], AUTHOR))
    deaf.process.ended.set()
    gevent.sleep(0)

    assert house.ledger.state.listeners[address].active
    assert address in house.sockets


def test_what_a_worker_that_has_not_heard_listened_on_is_closed_when_it_has_ended(house: House, play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publication_module, "PATIENCE", 0.0)
    deaf = play().worker
    deaf.process.ended = Event()
    deaf.hung = True
    deaf.now(WorkerState.DRAINING)
    house.roster.join(deaf)
    list(house.ledger.propose([listener("127.0.0.1:0")], AUTHOR))
    (address,) = house.ledger.state.listeners

    list(house.ledger.propose([RemoveListener(protocol=Protocol.HTTP, address=address)], AUTHOR))
    gevent.sleep(0)
    held = address in house.sockets
    deaf.process.ended.set()
    gevent.sleep(0)
    gevent.sleep(0)

    assert held
    assert address not in house.sockets


def test_who_comes_second_is_told_of_the_revision_that_is_in_force(house: House) -> None:
    def told(name: str) -> str:
        try:
            house.propose(AddCluster(cluster=name), if_revision=0)
        except Outdated as why:
            return f"{why}, still at {house.ledger.state.revision}"
        return "committed"

    racing = [gevent.spawn(told, name) for name in ("a", "b")]
    gevent.joinall(racing, raise_error=True)

    assert [each.value for each in racing] == ["committed", "revision 1 is in force, not 0, still at 1"]


def test_while_nothing_is_proposed_nobody_holds_what_was(house: House) -> None:
    publication = house.ledger.propose([AddCluster(cluster="a")], AUTHOR)
    assert list(publication) == []
    known = ref(publication)

    del publication
    for _ in range(3):
        gevent.sleep(0)

    assert known() is None


def test_after_a_large_change_that_nobody_asks_about_any_more_memory_is_given_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "LARGE", 1)
    monkeypatch.setattr(garbage, "CALM", 0.0)
    packed = Event()
    monkeypatch.setattr(house.ledger.departures, "pack", packed.set)
    house.propose(AddCluster(cluster="a"))

    assert packed.wait(10)
    assert set(house.ledger.state.clusters) == {"a"}
    assert house.propose(AddCluster(cluster="b")) == 2


def served(house: House, play: Play) -> tuple[Played, str]:
    """A worker that serves, and the listener that it has been given."""
    played = play()
    played.worker.process.ended = Event()
    played.worker.now(WorkerState.RUNNING)
    house.roster.join(played.worker)
    publication = house.ledger.propose([listener("127.0.0.1:0")], AUTHOR)
    played.reply(published(played).id)
    list(publication)
    (address,) = house.ledger.state.listeners
    return played, address


def published(played: Played) -> Publish:
    while not isinstance(message := played.heard(), Publish):
        pass
    return message


def settled(house: House) -> None:
    """Everything that was proposed is written, and what follows is done."""
    assert house.journal.slow is not None
    house.journal.slow.set()
    house.ledger.close()
    gevent.idle()


def test_a_listener_that_leaves_while_it_comes_and_leaves_again_costs_the_ledger_nothing(house: House, play: Play) -> None:
    played, address = served(house, play)
    remove = RemoveListener(protocol=Protocol.HTTP, address=address)
    removal = house.ledger.propose([remove], AUTHOR)
    house.journal.slow = threading.Event()
    proposed = [gevent.spawn(house.ledger.propose, [order], AUTHOR) for order in (listener(address), remove)]
    gevent.idle()
    played.reply(published(played).id)
    list(removal)
    gevent.idle()
    settled(house)
    played.close()
    gevent.joinall(proposed, PATIENCE)

    assert [each.get().revision for each in proposed] == [3, 4]
    gevent.idle()
    assert address not in house.sockets


def test_a_removed_listener_whose_return_could_not_be_written_is_closed(house: House, play: Play) -> None:
    played, address = served(house, play)
    removal = house.ledger.propose([RemoveListener(protocol=Protocol.HTTP, address=address)], AUTHOR)
    house.journal.slow, house.journal.fault = threading.Event(), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    back = gevent.spawn(house.ledger.propose, [listener(address)], AUTHOR)
    gevent.idle()
    played.reply(published(played).id)
    list(removal)
    gevent.idle()
    held = address in house.sockets
    settled(house)

    assert held
    assert isinstance(back.exception, NotWritten)
    assert address not in house.sockets


def test_nobody_waits_for_a_ledger_that_was_interrupted(house: House) -> None:
    house.journal.slow, house.journal.fault = threading.Event(), JournalUnusable("cannot be taken back")
    first = gevent.spawn(house.propose, AddCluster(cluster="a"))
    gevent.idle()
    second = gevent.spawn(house.propose, AddCluster(cluster="b"))
    gevent.idle()
    house.journal.slow.set()
    gevent.joinall([first, second], PATIENCE)

    assert [type(each.exception) for each in (first, second)] == [NotWritten, NotWritten]


def test_a_worker_that_cannot_be_given_a_socket_is_replaced_and_all_others_are_told(house: House, play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    fortunate, unfortunate, leaving = plays = [play() for _ in range(3)]
    for played in plays:
        played.worker.now(WorkerState.DRAINING if played is leaving else WorkerState.RUNNING)
        house.roster.join(played.worker)
    give_duplicates(monkeypatch, True, False, False)
    publication = house.ledger.propose([listener("127.0.0.1:0")], AUTHOR)
    monkeypatch.undo()
    messages = [published(played) for played in plays]
    fortunate.reply(messages[0].id)
    list(publication)

    assert [message.revision for message in messages] == [1, 1, 1]
    assert unfortunate.replaced == ["it could not be given its sockets: Too many open files"]
    assert publication.late == [unfortunate.worker]
    assert leaving.replaced == []
    house.ledger.propose([AddCluster(cluster="a")], AUTHOR)
    assert house.ledger.state.revision == 2
