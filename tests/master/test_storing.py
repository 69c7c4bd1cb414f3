"""Listening sockets in systemd's keeping; the test plays systemd."""

from collections.abc import Iterator
import os
from pathlib import Path
import socket

import gevent
import pytest

from sozu.master.sockets import ListenerSockets
from sozu.master.surroundings.activation import Activated, activated_sockets
from sozu.master.surroundings.storing import Store, name_of, slot_in

LONGEST = 4096


class Systemd:
    """Keeps what it is told to, by its name."""

    def __init__(self, folder: Path) -> None:
        self.environment = {"NOTIFY_SOCKET": str(folder / "notify")}
        self._letters = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._letters.bind(self.environment["NOTIFY_SOCKET"])
        self.kept: dict[str, int] = {}

    def read(self) -> int:
        """Do what was told; how many letters there were."""
        self._letters.setblocking(False)
        count = 0
        while True:
            try:
                text, descriptors, _, _ = socket.recv_fds(self._letters, LONGEST, 1)
            except BlockingIOError:
                return count
            count += 1
            self._obey(dict(line.split("=", 1) for line in text.decode().split("\n")), descriptors)

    def _obey(self, told: dict[str, str], descriptors: list[int]) -> None:
        if "FDSTORE" in told:
            (self.kept[told["FDNAME"]],) = descriptors
        elif "FDSTOREREMOVE" in told:
            os.close(self.kept.pop(told["FDNAME"]))
        else:
            assert "BARRIER" in told
            os.close(*descriptors)

    def start_again(self) -> Activated:
        """What the next process of the service finds."""
        first = max(int(each.name) for each in Path("/proc/self/fd").iterdir()) + 1
        for number, descriptor in enumerate(self.kept.values()):
            os.dup2(descriptor, first + number)
        names = ":".join(self.kept)
        return activated_sockets({"LISTEN_PID": "7", "LISTEN_FDS": str(len(self.kept)), "LISTEN_FDNAMES": names}, 7, first)

    def close(self) -> None:
        self._letters.close()
        for descriptor in self.kept.values():
            os.close(descriptor)


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    systemd = Systemd(tmp_path)
    yield systemd
    systemd.close()


def opened(systemd: Systemd, slots: int = 2) -> tuple[ListenerSockets, str]:
    sockets = ListenerSockets(slots, Store(systemd.environment))
    return sockets, sockets.open("127.0.0.1:0")


def test_each_socket_is_kept_under_the_name_of_its_slot(systemd: Systemd) -> None:
    sockets, address = opened(systemd)
    systemd.read()
    assert list(systemd.kept) == [name_of(0, address), name_of(1, address)]
    sockets.close_all()


def test_who_waits_when_everything_is_killed_is_answered_by_the_next_one(systemd: Systemd) -> None:
    sockets, address = opened(systemd)
    systemd.read()
    host, port = address.split(":")
    with socket.create_connection((host, int(port))) as client:
        sockets.close_all()  # as if we had died: nobody tells systemd
        assert systemd.read() == 0
        came = systemd.start_again()
        assert came.stored == set(systemd.kept)
        again = ListenerSockets(2, Store(systemd.environment, came.stored))
        again.adopt(address, came.sockets[address])
        accepted = [connection for slot in (0, 1) if (connection := _waiting(again.of_slot(slot, address))) is not None]
        assert [connection.getpeername() for connection in accepted] == [client.getsockname()]
        accepted[0].close()
    assert systemd.read() == 0  # it has them
    again.close_all()


def _waiting(listening: socket.socket) -> socket.socket | None:
    try:
        return listening.accept()[0]
    except BlockingIOError:
        return None


def test_what_is_closed_is_given_back_first(systemd: Systemd) -> None:
    sockets, address = opened(systemd)
    systemd.read()
    sockets.close(address)
    systemd.read()
    assert systemd.kept == {}


def test_fewer_slots_are_fewer_kept_and_systemd_is_waited_for(systemd: Systemd) -> None:
    sockets, address = opened(systemd)
    systemd.read()
    reading = gevent.spawn_later(0, systemd.read)
    sockets.steer(1)
    sockets.shrink(1)
    reading.join()
    assert list(systemd.kept) == [name_of(0, address)]
    sockets.close_all()


def test_listeners_come_and_go_while_systemd_is_waited_for(systemd: Systemd) -> None:
    sockets, address = opened(systemd)
    leaving = sockets.open("127.0.0.1:0")
    systemd.read()
    sockets.steer(1)
    shrinking = gevent.spawn(sockets.shrink, 1)
    gevent.sleep(0)
    coming = {sockets.open("127.0.0.1:0") for _ in range(2)}
    sockets.close(leaving)
    systemd.read()
    shrinking.get()

    assert set(sockets) == {address} | coming
    assert set(systemd.kept) == {name_of(0, each) for each in sockets}
    sockets.close_all()


def test_more_slots_are_more_kept(systemd: Systemd) -> None:
    sockets, address = opened(systemd, slots=1)
    sockets.slots = 2
    sockets.of_slot(1, address)
    systemd.read()
    assert len(systemd.kept) == len({0, 1})
    sockets.close_all()


def test_a_listener_that_is_not_there_any_more_is_given_back(systemd: Systemd) -> None:
    sockets, address = opened(systemd)
    systemd.read()
    sockets.close_all()
    came = systemd.start_again()
    again = ListenerSockets(2, Store(systemd.environment, came.stored))
    again.adopt(address, came.sockets[address])
    again.close(address)
    systemd.read()
    assert systemd.kept == {}


def test_slots_that_share_a_socket_have_one_kept(systemd: Systemd, tmp_path: Path) -> None:
    sockets = ListenerSockets(2, Store(systemd.environment))
    address = sockets.open(f"unix:{tmp_path}/web.sock")
    systemd.read()
    assert list(systemd.kept) == [name_of(0, address)]
    sockets.close_all()


def test_one_that_came_from_a_unit_and_from_the_store_is_one(systemd: Systemd) -> None:
    sockets, address = opened(systemd, slots=1)
    systemd.read()
    systemd.kept["sozu.socket"] = os.dup(systemd.kept[name_of(0, address)])
    sockets.close_all()
    came = systemd.start_again()
    assert list(came.sockets[address]) == [0]
    for descriptor in came.sockets[address].values():
        os.close(descriptor)


def test_without_systemd_nothing_is_waited_for() -> None:
    store = Store({})
    store.settle()
    store.follow({})


@pytest.mark.parametrize(("name", "slot"), [(name_of(3, "[::1]:8080"), 3), (name_of(0, "unix:/" + "x" * 300), 0), ("sozu.socket", None), ("", None)])
def test_names_tell_slots(name: str, slot: int | None) -> None:
    assert slot_in(name) == slot
    assert ":" not in name
    assert len(name) < 255
