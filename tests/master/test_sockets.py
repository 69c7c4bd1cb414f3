from collections.abc import Iterator
import os
from pathlib import Path
import socket

import pytest

from sozu.master.sockets import CannotListen, ListenerSockets


@pytest.fixture
def sockets() -> Iterator[ListenerSockets]:
    opened = ListenerSockets(2)
    yield opened
    opened.close_all()


def connect(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), 5)


@pytest.mark.parametrize("wanted", ["127.0.0.1:0", "[::1]:0"])
def test_port_0_becomes_one_port_that_every_slot_listens_on(sockets: ListenerSockets, wanted: str) -> None:
    address = sockets.open(wanted)
    names = {sockets.of_slot(slot, address).getsockname()[:2] for slot in (0, 1)}

    assert address in sockets
    assert len(names) == 1
    assert sockets.of_slot(0, address) is not sockets.of_slot(1, address)
    connect(address).close()


def test_connections_are_spread_over_the_slots(sockets: ListenerSockets) -> None:
    address = sockets.open("127.0.0.1:0")
    clients = [connect(address) for _ in range(40)]
    taken = [accepted(sockets.of_slot(slot, address)) for slot in (0, 1)]
    for client in clients:
        client.close()

    assert sum(taken) == 40
    assert min(taken) > 0


def accepted(listening: socket.socket) -> int:
    count = 0
    while True:
        try:
            listening.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


def test_a_second_master_on_the_same_address_fails_loudly(sockets: ListenerSockets) -> None:
    address = sockets.open("127.0.0.1:0")
    with pytest.raises(CannotListen, match=f"cannot listen on {address}: another process listens on it"):
        ListenerSockets(2).open(address)


def test_an_address_with_connections_in_time_wait_may_be_opened_again(sockets: ListenerSockets) -> None:
    address = sockets.open("127.0.0.1:0")
    with connect(address) as client:
        # Whoever closes first keeps the port in TIME_WAIT: here it is the listening side.
        for slot in (0, 1):
            accepted(sockets.of_slot(slot, address))
        assert client.recv(1) == b""
    sockets.close(address)

    assert sockets.open(address) == address


def test_a_failed_transaction_leaves_no_socket_behind(sockets: ListenerSockets) -> None:
    def fail() -> None:
        with sockets.staging() as staging:
            staging.open("127.0.0.1:0")
            staging.open("203.0.113.1:0")  # TEST-NET-3 (RFC 5737): no address of ours

    with pytest.raises(CannotListen):
        fail()

    assert list(sockets) == []


def test_what_was_staged_stays_until_it_is_undone(sockets: ListenerSockets) -> None:
    with sockets.staging() as staging:
        address = staging.open("127.0.0.1:0")
    assert address in sockets
    staging.undo()

    assert address not in sockets


def test_a_unix_listener_is_one_queue_for_all_slots(sockets: ListenerSockets, tmp_path: Path) -> None:
    address = sockets.open(f"unix:{tmp_path}/front")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{tmp_path}/front")
        assert accepted(sockets.of_slot(1, address)) == 1
    sockets.close(address)

    assert not (tmp_path / "front").exists()


def test_a_stale_unix_socket_is_replaced_and_a_living_one_is_not(sockets: ListenerSockets, tmp_path: Path) -> None:
    path = tmp_path / "front"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(CannotListen, match="another process"):
            sockets.open(f"unix:{path}")
    sockets.open(f"unix:{path}")


def test_a_file_that_is_no_socket_is_never_removed(sockets: ListenerSockets, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("data")
    with pytest.raises(CannotListen, match="no socket"):
        sockets.open(f"unix:{tmp_path}/precious")

    assert (tmp_path / "precious").read_text() == "data"


def test_a_port_that_needs_rights_is_refused_in_words(sockets: ListenerSockets) -> None:
    if os.getuid() == 0:
        pytest.skip("root may bind every port")
    with pytest.raises(CannotListen, match="Permission denied"):
        sockets.open("127.0.0.1:1")


def test_what_was_adopted_is_left_as_it_was_when_nothing_comes_of_it(tmp_path: Path) -> None:
    before, after = ListenerSockets(1), ListenerSockets(1)
    theirs = before.open(f"unix:{tmp_path}/theirs.sock")
    after.adopt(theirs, {0: before.of_slot(0, theirs).dup().detach()})
    after.open(f"unix:{tmp_path}/ours.sock")
    after.abandon()

    assert [path.name for path in tmp_path.iterdir()] == ["theirs.sock"]
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{tmp_path}/theirs.sock")
    before.close_all()
    assert list(tmp_path.iterdir()) == []


def test_those_that_stay_are_steered_to_in_whatever_order_they_were_opened(sockets: ListenerSockets) -> None:
    opened = ListenerSockets(3)
    address = opened.open("127.0.0.1:0")
    in_order = [os.dup(opened.of_slot(slot, address).fileno()) for slot in range(3)]
    opened.close(address)
    sockets.slots = 3
    sockets.adopt(address, {0: in_order[2], 2: in_order[0]})  # as after a worker has died with its master: of the second slot nothing is left
    os.close(in_order[1])
    sockets.steer(2)
    waiting = [connect(address) for _ in range(40)]
    counts = [accepted(sockets.of_slot(slot, address)) for slot in range(3)]
    for each in waiting:
        each.close()

    assert counts[2] <= 3  # the master's own, by which it found out the order
    assert min(counts[:2]) > 5


def test_what_goes_is_chosen_no_more_though_somebody_else_has_it_still(sockets: ListenerSockets) -> None:
    address = sockets.open("127.0.0.1:0")
    somebodys = sockets.of_slot(1, address).dup()
    sockets.steer(1)
    sockets.shrink(1)
    waiting = [connect(address) for _ in range(40)]
    count = accepted(sockets.of_slot(0, address))
    with somebodys, pytest.raises(OSError, match="Invalid argument"):
        somebodys.accept()
    for each in waiting:
        each.close()

    assert count >= 40


def test_a_socket_file_that_cannot_be_removed_keeps_nothing_else_open(sockets: ListenerSockets, tmp_path: Path) -> None:
    path = tmp_path / "sock"
    sockets.open(f"unix:{path}")
    other = sockets.open("127.0.0.1:0")
    path.unlink()
    path.mkdir()
    sockets.close_all()

    assert list(sockets) == []
    with pytest.raises(ConnectionRefusedError):
        connect(other)
