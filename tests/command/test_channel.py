from collections.abc import Iterator
import fcntl
from itertools import pairwise
import os
import socket
import threading

import gevent
from gevent import socket as gevent_socket
from hypothesis import given
from hypothesis import strategies as st
import msgspec
import pytest

from sozu.command.channel import (
    MOST_DESCRIPTORS,
    Channel,
    ChannelBroken,
    ChannelClosed,
    channel_to_master,
    channel_to_worker,
    parts,
    portions,
)
from sozu.command.facts import Protocol
from sozu.command.orders import AddCluster, AnyOrder
from sozu.command.settings import Settings
from sozu.command.worker_protocol import (
    SCHEMA,
    Drain,
    FromMaster,
    FromWorker,
    GiveListeners,
    Hello,
    ListenerName,
    Load,
    Welcome,
)
from tests.procfs import descriptors


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.settimeout(5)
    theirs.settimeout(5)
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.fixture
def master(ends: tuple[socket.socket, socket.socket]) -> Iterator[Channel[FromWorker]]:
    channel = channel_to_worker(ends[0])
    yield channel
    channel.close()


@pytest.fixture
def worker(ends: tuple[socket.socket, socket.socket]) -> Iterator[Channel[FromMaster]]:
    channel = channel_to_master(ends[1])
    yield channel
    channel.close()


def listeners(count: int) -> GiveListeners:
    return GiveListeners(listeners=tuple(ListenerName(Protocol.HTTP, f"127.0.0.1:{1000 + n}") for n in range(count)))


def test_messages_go_both_ways(master: Channel[FromWorker], worker: Channel[FromMaster]) -> None:
    hello = Hello(version="0.1.0", schema=SCHEMA, pid=42)
    welcome = Welcome(slot=1, settings=Settings(command_socket="/s", journal="/j"))
    worker.send(hello)
    master.send(welcome)

    assert master.receive() == (hello, [])
    assert worker.receive() == (welcome, [])


def test_descriptors_arrive_beside_their_message_and_close_on_exec(
    master: Channel[FromWorker], worker: Channel[FromMaster]
) -> None:
    read, write = os.pipe()
    master.send(Drain(id=1, grace=1))
    master.send(listeners(1), [write])
    master.send(Drain(id=2, grace=1))
    os.close(write)

    assert worker.receive() == (Drain(id=1, grace=1), [])
    message, (received,) = worker.receive()
    assert isinstance(message, GiveListeners)
    assert message.descriptors == 1
    assert fcntl.fcntl(received, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
    os.write(received, b"through")
    assert os.read(read, 10) == b"through"
    assert worker.receive() == (Drain(id=2, grace=1), [])
    os.close(received)
    os.close(read)


def test_as_many_descriptors_as_the_kernel_lets_through(master: Channel[FromWorker], worker: Channel[FromMaster]) -> None:
    read, write = os.pipe()
    master.send(listeners(MOST_DESCRIPTORS), [read] * MOST_DESCRIPTORS)

    _, received = worker.receive()
    assert len(received) == MOST_DESCRIPTORS
    for descriptor in (*received, read, write):
        os.close(descriptor)


def test_a_long_message_is_sent_whole_while_the_other_end_reads(
    master: Channel[FromWorker], worker: Channel[FromMaster]
) -> None:
    load = Load(revision=7, orders=tuple(AddCluster(cluster=f"c{n}") for n in range(20_000)), last=True)
    sender = threading.Thread(target=master.send, args=(load,))
    sender.start()

    assert worker.receive() == (load, [])
    sender.join()


def test_the_end_between_two_messages_is_closed(master: Channel[FromWorker], worker: Channel[FromMaster]) -> None:
    worker.send(Hello(version="0.1.0", schema=SCHEMA, pid=42))
    worker.close()

    assert isinstance(master.receive()[0], Hello)
    with pytest.raises(ChannelClosed):
        master.receive()


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (b'{"type":"hello","ver', "closed in the middle of a message"),
        (b"nonsense\0", "not a message of this channel"),
        (b'{"type":"drain","id":1,"grace":1}\0', "not a message of this channel"),
        (b"x" * (2 * 1024 * 1024 + 1), "not a frame"),
        (b'{"type":"ready","revision":1,"descriptors":2}\0', "2 descriptors announced, 0 came"),
    ],
)
def test_what_makes_no_sense_breaks_the_channel(
    ends: tuple[socket.socket, socket.socket], master: Channel[FromWorker], written: bytes, why: str
) -> None:
    def write_and_close() -> None:
        ends[1].sendall(written)
        ends[1].close()

    writer = threading.Thread(target=write_and_close)
    writer.start()
    with pytest.raises(ChannelBroken, match=why):
        master.receive()
    writer.join()


@pytest.mark.parametrize("announced", [0, 1])
def test_descriptors_that_no_message_announced_break_the_channel_and_are_closed(
    ends: tuple[socket.socket, socket.socket], master: Channel[FromWorker], announced: int
) -> None:
    read, write = os.pipe()
    before = descriptors()
    socket.send_fds(ends[1], [f'{{"type":"ready","revision":1,"descriptors":{announced}}}\0'.encode()], [read, write])

    with pytest.raises(ChannelBroken, match=f"{2 - announced} descriptors came that no message announced"):
        master.receive()
    assert descriptors() == before
    os.close(read)
    os.close(write)


def test_descriptors_of_a_message_that_never_ends_are_closed_with_the_channel(
    ends: tuple[socket.socket, socket.socket], master: Channel[FromWorker]
) -> None:
    read, write = os.pipe()
    before = descriptors()
    socket.send_fds(ends[1], [b'{"type":"ready",'], [read, write])
    ends[1].shutdown(socket.SHUT_WR)

    with pytest.raises(ChannelBroken, match="in the middle"):
        master.receive()
    assert descriptors() == before
    os.close(read)
    os.close(write)


class TruncatingSocket(socket.socket):
    """As if the process had no descriptor left: the kernel then cuts the ancillary data and says so."""

    def recvmsg(self, *_: int) -> tuple[bytes, list[tuple[int, int, bytes]], int, object]:
        own = os.dup(0).to_bytes(4, "little")
        return b"x", [(socket.SOL_SOCKET, socket.SCM_RIGHTS, own + b"\1\2"), (0, 0, b"other")], socket.MSG_CTRUNC, None


def test_descriptors_that_the_kernel_cut_off_break_the_channel() -> None:
    before = descriptors()
    with TruncatingSocket(socket.AF_UNIX) as sock, pytest.raises(ChannelBroken, match="too many open files"):
        channel_to_worker(sock).receive()
    assert descriptors() == before


def test_the_channel_can_be_waited_on(ends: tuple[socket.socket, socket.socket], master: Channel[FromWorker]) -> None:
    assert master.fileno() == ends[0].fileno()


@given(st.lists(st.text(max_size=20), max_size=30), st.integers(1, 200))
def test_parts_hold_all_orders_in_order_each_within_the_limit(names: list[str], limit: int) -> None:
    orders: list[AnyOrder] = [AddCluster(cluster=name) for name in names]
    split = list(parts(orders, limit))

    assert [order for part in split for order in part] == orders
    assert len(split) >= 1
    for part in split:
        assert len(part) <= 1 or len(msgspec.json.encode(part)) - 1 <= limit
    for part, following in pairwise(split):
        assert len(msgspec.json.encode((*part, following[0]))) - 1 > limit


@pytest.mark.parametrize(("count", "sizes"), [(0, [0]), (3, [3]), (4, [3, 1])])
def test_a_manifest_comes_in_portions(count: int, sizes: list[int]) -> None:
    assert [len(portion) for portion in portions(range(count), 3)] == sizes


def test_a_channel_over_gevent_sockets_waits_without_holding_up_the_loop() -> None:
    ours, theirs = gevent_socket.socketpair()
    master, worker = channel_to_worker(ours), channel_to_master(theirs)
    read, write = os.pipe()
    waiting = gevent.spawn(worker.receive)
    load = Load(revision=7, orders=tuple(AddCluster(cluster=f"c{n}") for n in range(20_000)), last=True)

    def send_both() -> None:
        master.send(load)
        master.send(listeners(1), [write])

    gevent.spawn(send_both)
    assert waiting.get(timeout=10) == (load, [])
    _, (received,) = gevent.spawn(worker.receive).get(timeout=10)
    for descriptor in (received, read, write):
        os.close(descriptor)
    master.close()
    worker.close()
