"""Slots filled in this process, with scripted workers."""

from collections.abc import Callable, Iterator
import errno
import os
from pathlib import Path
from select import select
import signal
import socket
import sys
from typing import Any

import gevent
import pytest

from sozu.command.commit import commit
from sozu.command.facts import Protocol
from sozu.command.orders import AddListener
from sozu.command.settings import Settings
from sozu.command.state import ConfigState
from sozu.command.worker_protocol import Ready
from sozu.master.logs import LogFile
from sozu.master.sockets import ListenerSockets
from sozu.master.succession.estate import SlotLeft
from sozu.master.succession.handing import _slot_left
from sozu.master.workers import filling, heartbeat, leaving, spare
from sozu.master.workers import slots as slots_module
from sozu.master.workers.briefing import Briefing
from sozu.master.workers.filling import SlotNotFilled
from sozu.master.workers.link import WorkerLink
from sozu.master.workers.roster import Roster, Worker, WorkerState
from sozu.master.workers.slots import Slots
from tests.procfs import descriptors

SCRIPTED = [sys.executable, str(Path(__file__).with_name("scripted_worker.py"))]
PATIENCE = 60.0


class House:
    """Everything that workers are told, and one listener."""

    def __init__(self, slots: int = 1) -> None:
        self.sockets = ListenerSockets(slots)
        self.address = self.sockets.open("127.0.0.1:0")
        listener = AddListener(protocol=Protocol.HTTP, address=self.address)
        self.state = commit(ConfigState(), [listener]).state
        self.roster = Roster()
        self.opened: list[Slots] = []
        self.count = slots

    def slots(self, *manners: str) -> Slots:
        settings = Settings(command_socket="/nowhere", journal="/nowhere")
        briefing = Briefing(settings, LogFile(None), self.sockets, lambda: self.state, self.roster)
        self.opened.append(Slots(self.count, [*SCRIPTED, *manners], briefing, self.roster))
        return self.opened[-1]

    def taker(self) -> int:
        """The pid of the worker that takes a connection."""
        host, _, port = self.address.rpartition(":")
        with gevent.socket.create_connection((host, int(port)), PATIENCE) as connection:
            return int(connection.recv(100).split()[1])

    def close(self) -> None:
        for slots in self.opened:
            slots.kill_all()
        self.sockets.close_all()


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent.parent))


@pytest.fixture
def house() -> Iterator[House]:
    house = House()
    yield house
    house.close()


@pytest.fixture
def large_house() -> Iterator[House]:
    house = House(slots=2)
    yield house
    house.close()


def running(slots: Slots) -> list[Worker]:
    return [slot.worker for slot in slots if slot.worker is not None and not slot.vacant]


def until_replaced(slots: Slots, before: Worker) -> Worker:
    (slot,) = slots
    with gevent.Timeout(PATIENCE):
        while slot.worker is before or slot.vacant:
            gevent.sleep(0)
    assert slot.worker is not None
    return slot.worker


def test_every_slot_is_filled_by_a_worker_of_its_own(large_house: House) -> None:
    slots = large_house.slots()

    assert slots.start()
    assert [worker.slot for worker in running(slots)] == [0, 1]
    assert len({worker.process.pid for worker in large_house.roster}) == 2


def test_a_replacement_accepts_before_the_old_one_is_told_to_drain(house: House) -> None:
    slots = house.slots()
    slots.start()
    (before,) = running(slots)
    before.replace("a test")
    before.replace("and once more: nothing happens")
    after = until_replaced(slots, before)

    assert before.process.ended.wait(PATIENCE)
    assert before.process.fate == "status 0"
    assert before.state is WorkerState.DRAINING
    assert house.taker() == after.process.pid
    assert [slot.fills for slot in slots] == [2]


def test_a_replacement_that_fails_leaves_the_old_one_alone(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    slots = house.slots()
    slots.start()
    (before,) = running(slots)
    monkeypatch.setattr(slots, "_command", ["/nonexistent/program"])
    (slot,) = slots
    with pytest.raises(SlotNotFilled, match="cannot be started"):
        slots.fill(slot, 1.0)

    assert running(slots) == [before]
    assert before.state is WorkerState.RUNNING
    assert house.taker() == before.process.pid


def test_a_newcomer_that_is_never_ready_is_killed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "START_PATIENCE", 0.5)
    slots = house.slots("--never-ready")

    assert not slots.start()
    (slot,) = slots
    assert slot.vacant
    assert not slot.filling


def test_a_crash_loop_backs_off(house: House) -> None:
    slots = house.slots("--other-schema")
    slots.start()
    (slot,) = slots
    with gevent.Timeout(PATIENCE):
        while slot.pause < 0.1:
            gevent.sleep(0)

    assert slot.vacant


def test_a_worker_that_hangs_is_replaced_and_then_killed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots_module, "REPLACEMENT_GRACE", 0.0)
    monkeypatch.setattr(leaving, "EXIT_PATIENCE", 0.1)
    slots = house.slots()
    slots.start()
    (before,) = running(slots)
    before.process.send(signal.SIGSTOP)
    before.replace("it hangs")
    after = until_replaced(slots, before)

    assert before.process.ended.wait(PATIENCE)
    assert before.process.fate == "signal SIGKILL"
    assert running(slots) == [after]


def test_a_worker_without_a_channel_is_replaced(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots_module, "EOF_PATIENCE", 0.01)
    slots = house.slots()
    slots.start()
    (before,) = running(slots)
    before.link.close()
    after = until_replaced(slots, before)

    assert after.process.pid != before.process.pid
    assert before.process.ended.wait(PATIENCE)


def test_what_a_drained_house_had_is_gone(large_house: House) -> None:
    house = large_house
    slots = house.slots()
    slots.start()
    pids = [worker.process.pid for worker in running(slots)]
    slots.drain_all(1.0, house.sockets.close_all)

    assert list(house.roster) == []
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    host, _, port = house.address.rpartition(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), PATIENCE)


def test_a_worker_that_is_stopped_is_noticed_without_being_asked_for_anything(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "EVERY", 0.05)
    monkeypatch.setattr(heartbeat, "SILENCE", 0.2)
    monkeypatch.setattr(leaving, "HUNG_GRACE", 0.0)
    monkeypatch.setattr(leaving, "EXIT_PATIENCE", 0.1)
    slots = house.slots()
    slots.start()
    (before,) = running(slots)
    before.process.send(signal.SIGSTOP)
    after = until_replaced(slots, before)

    assert before.process.ended.wait(PATIENCE)
    assert before.process.fate == "signal SIGKILL"
    assert house.taker() == after.process.pid


def test_the_queue_of_an_empty_slot_is_served_by_another_worker_until_it_is_filled(large_house: House) -> None:
    slots = large_house.slots()
    slots.start()
    first, second = running(slots)
    before = descriptors(first.process.pid)
    leave_empty(slots, second)
    takers = {large_house.taker() for _ in range(20)}
    slots.fill(list(slots)[1], 0.0)
    until(lambda: descriptors(first.process.pid) == before)

    assert takers == {first.process.pid}
    assert {large_house.taker() for _ in range(40)} == {worker.process.pid for worker in running(slots)}


def test_a_queue_is_lent_in_the_very_moment_in_which_its_worker_has_ended(large_house: House) -> None:
    slots = large_house.slots()
    slots.start()
    first, second = running(slots)
    lent: list[bool] = []
    second.process.ended.rawlink(lambda _: lent.append(list(slots)[1].borrower is first))
    second.process.kill()
    until(lambda: bool(lent))

    assert lent == [True]


def test_what_one_worker_can_serve_no_more_is_lent_to_the_next() -> None:
    house = House(slots=3)
    slots = house.slots()
    slots.start()
    first, second, third = running(slots)
    leave_empty(slots, third)
    leave_empty(slots, first)
    takers = {house.taker() for _ in range(40)}
    house.close()

    assert takers == {second.process.pid}


def test_a_slot_that_was_never_filled_is_lent_as_soon_as_another_one_serves(large_house: House) -> None:
    slots = large_house.slots()
    first, second = slots
    slots.fill(first, 0.0)

    assert second.borrower is first.worker
    assert {large_house.taker() for _ in range(20)} == {worker.process.pid for worker in running(slots)}


def test_a_loan_of_another_master_ends_when_the_slot_is_filled(large_house: House) -> None:
    slots = large_house.slots()
    first, second = slots
    slots.fill(first, 0.0)
    borrower, second.borrower = second.borrower, None
    assert borrower is not None
    for _ in range(20):
        large_house.taker()  # by either socket: it has both by now
    lent = descriptors(borrower.process.pid)
    slots.go_on_lending(1, borrower)
    left = _slot_left(second)
    slots.fill(second, 0.0)
    until(lambda: descriptors(borrower.process.pid) < lent)

    assert left == SlotLeft(number=1, fills=0, lent_to=borrower.process.pid)
    assert _slot_left(second) == SlotLeft(number=1, fills=1)


def test_what_a_worker_was_lent_is_lent_to_its_successor_before_it_drains() -> None:
    house = House(slots=2)
    slots = house.slots("--ignore-drain")
    slots.start()
    first, second = running(slots)
    leave_empty(slots, second)
    slots.renew(next(iter(slots)), PATIENCE)
    borrower = list(slots)[1].borrower
    house.close()

    assert first.state is WorkerState.DRAINING
    assert borrower is next(iter(slots)).worker


def test_a_listener_that_comes_while_a_slot_is_empty_is_lent_with_the_others(large_house: House) -> None:
    slots = large_house.slots()
    slots.start()
    leave_empty(slots, running(slots)[1])
    late = large_house.sockets.open("127.0.0.1:0")
    large_house.state = commit(large_house.state, [AddListener(protocol=Protocol.HTTP, address=late)]).state
    slots.lend_anew()
    of_the_empty_slot = large_house.sockets.of_slot(1, late)
    host, _, port = late.rpartition(":")
    waiting = [socket.create_connection((host, int(port)), PATIENCE) for _ in range(20)]
    until(lambda: not select([of_the_empty_slot], [], [], 0)[0])
    for each in waiting:
        each.close()


def test_nothing_is_lent_once_everything_is_another_master_s(large_house: House) -> None:
    slots = large_house.slots()
    slots.start()
    first, second = running(slots)
    slots.give_up()
    second.process.kill()
    second.process.ended.wait(PATIENCE)
    gevent.idle()

    assert first.able
    assert list(slots)[1].borrower is None


def test_a_newcomer_that_could_not_follow_is_ended_and_tried_again(house: House) -> None:
    slots = house.slots("--never-ready")
    (slot,) = slots
    coming = gevent.spawn(slots.fill, slot, 0.0)
    until(lambda: len(slots._living) == 1)
    (newcomer,) = slots._living
    newcomer.replace("a test")
    with pytest.raises(SlotNotFilled):
        coming.get(timeout=PATIENCE)

    assert newcomer.process.fate == "signal SIGKILL"


@pytest.mark.parametrize(("first", "then"), [(0.0, PATIENCE), (PATIENCE, 0.0)])
def test_the_last_word_says_how_long_a_worker_may_drain(house: House, monkeypatch: pytest.MonkeyPatch, first: float, then: float) -> None:
    monkeypatch.setattr(leaving, "EXIT_PATIENCE", 0.05)
    slots = house.slots("--ignore-drain")
    slots.start()
    (worker,) = running(slots)
    leaving.see_off(worker, first)
    leaving.see_off(worker, then)

    assert worker.process.ended.wait(0.3 if then else PATIENCE) is (then == 0.0)


def test_who_comes_to_a_slot_that_was_dropped_meanwhile_goes_again(large_house: House) -> None:
    slots = large_house.slots()
    slots.start()
    first, second = running(slots)
    coming = gevent.spawn(slots.fill, list(slots)[1], 0.0)
    until(lambda: len(slots._living) == 3)
    leaving = slots.drop(1, 1.0)
    gevent.wait([each.process.ended for each in leaving], PATIENCE)

    assert coming.get(timeout=PATIENCE) is None
    assert second in leaving
    assert len(leaving) == 2
    assert slots._living == {first}


def test_who_ends_as_it_says_that_it_is_ready_sends_nobody_away(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    slots = house.slots()
    slots.start()
    (slot,) = slots
    (before,) = running(slots)
    greeting = WorkerLink.greeting

    def ready_and_gone(link: WorkerLink, kind: type[Any]) -> Any:
        heard = greeting(link, kind)
        if kind is Ready:
            (newcomer,) = (worker for worker in slots._living if worker.link is link)
            newcomer.process.kill()
            newcomer.process.ended.wait(PATIENCE)
        return heard

    monkeypatch.setattr(WorkerLink, "greeting", ready_and_gone)
    with pytest.raises(SlotNotFilled, match="it has ended"):
        slots.renew(slot, 0.0)

    assert slot.worker is before
    assert before.state is WorkerState.RUNNING


@pytest.mark.parametrize(("wanting", "times"), [("of_slot", 3), ("has", 2)])
def test_a_slot_is_filled_though_its_sockets_could_not_be_had_at_first(large_house: House, wanting: str, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    slots = large_house.slots()
    slots.start()
    first, before = running(slots)
    really, refusals = getattr(ListenerSockets, wanting), [OSError(errno.EMFILE, "Too many open files") for _ in range(times)]

    def scarce(sockets: ListenerSockets, slot: int, address: str) -> Any:
        if refusals:
            raise refusals.pop()
        return really(sockets, slot, address)

    monkeypatch.setattr(ListenerSockets, wanting, scarce)
    before.process.kill()
    until(lambda: len(running(slots)) == 2 and running(slots)[1] is not before)

    assert refusals == []
    assert running(slots)[0] is first


def test_nobody_comes_while_everybody_goes(house: House) -> None:
    slots = house.slots()
    slots.start()
    (slot,) = slots
    coming = gevent.spawn(slots.renew, slot, 0.0)
    until(lambda: len(slots._living) == 2)
    slots.drain_all(1.0, lambda: None)

    with pytest.raises(SlotNotFilled):
        coming.get(timeout=PATIENCE)
    with pytest.raises(SlotNotFilled, match="no slot is filled any more"):
        slots.renew(slot, 0.0)
    assert slots._living == set()


def test_of_two_that_a_master_has_left_in_a_slot_one_drains(house: House) -> None:
    slots = house.slots()
    slots.start()
    (slot,) = slots
    (one,) = running(slots)
    other = left_behind(slots, 0)
    slots.take_on(other)

    assert other.process.ended.wait(PATIENCE)
    assert other.state is WorkerState.DRAINING
    assert slot.worker is one
    assert house.taker() == one.process.pid


def test_who_drains_in_a_slot_that_is_no_more_is_waited_for(house: House) -> None:
    slots = house.slots()
    slots.start()
    last = left_behind(slots, 0)
    last.slot = 7
    last.now(WorkerState.DRAINING)
    slots.take_on(last)
    slots.drain_all(1.0, lambda: None)

    assert last.process.ended.is_set()


def left_behind(slots: Slots, number: int) -> Worker:
    """A worker that accepts, and of which these slots do not know."""
    worker = filling.launch(number, SCRIPTED)
    filling.make_ready(worker, slots._briefing)
    return worker


def leave_empty(slots: Slots, worker: Worker) -> None:
    """Have it end, and its slot wait for ever."""
    slot = list(slots)[worker.slot]
    slot.backoff._next = 1e30
    worker.process.kill()
    until(lambda: slot.borrower is not None)


def until(holds: Callable[[], bool]) -> None:
    with gevent.Timeout(PATIENCE):
        while not holds():
            gevent.sleep(0)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spare, "FIRST", 0.0)
    monkeypatch.setattr(spare, "QUIET", 0.0)


@pytest.mark.usefixtures("hasty")
def test_who_dies_is_followed_by_the_spare_and_there_is_another(large_house: House) -> None:
    slots = large_house.slots()
    slots.start()
    spares = [until_spare(slots)]
    for worker in running(slots):
        worker.process.kill()
        spares.append(until_spare(slots, spares[-1]))

    assert [worker.process.pid for worker in running(slots)] == spares[:2]
    assert len(set(spares)) == 3


@pytest.mark.usefixtures("hasty")
def test_after_a_death_nobody_waits_for_the_first_spare(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spare, "FIRST", 1e9)
    slots = house.slots()
    slots.start()
    (worker,) = running(slots)
    worker.process.kill()
    first = until_spare(slots)
    until_replaced(slots, worker).process.kill()

    assert until_spare(slots, first) != first
    assert [worker.process.pid for worker in running(slots)] == [first]


@pytest.mark.usefixtures("hasty")
def test_a_spare_that_was_stopped_is_not_waited_for(house: House) -> None:
    slots = house.slots()
    slots.start()
    stopped = until_spare(slots)
    os.kill(stopped, signal.SIGSTOP)
    (worker,) = running(slots)
    worker.process.kill()

    assert until_replaced(slots, worker).process.pid != stopped


@pytest.mark.usefixtures("hasty")
def test_an_upgrade_takes_no_spare(house: House) -> None:
    slots = house.slots()
    slots.start()
    before = until_spare(slots)
    slots.renew(next(iter(slots)), 0.0)

    assert until_spare(slots) == before
    assert before not in {worker.process.pid for worker in running(slots)}


def until_spare(slots: Slots, other: int = 0) -> int:
    """The pid of one that is ready to be taken."""
    until(lambda: (worker := slots._spare._worker) is not None and worker.link.greeted and spare.is_asleep(worker.process.pid) and worker.process.pid != other)
    assert slots._spare._worker is not None
    return slots._spare._worker.process.pid
