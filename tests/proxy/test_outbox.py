
import gevent
from gevent import get_hub

from sozu.proxy.loop.outbox import MANY, SMALL, Outbox
from sozu.proxy.stream import Stream
from tests.proxy.lab import Peer, pair, settle


def test_small_messages_leave_at_the_end_of_the_turn(ends: tuple[Stream, Peer]) -> None:
    stream, peer = ends
    Outbox(get_hub()).post(stream, b"hello")
    assert stream.queued == b"hello"
    assert peer.read(5) == b"hello"
    assert not stream.queued


def test_a_second_message_goes_after_the_first(ends: tuple[Stream, Peer]) -> None:
    stream, peer = ends
    outbox = Outbox(get_hub())
    outbox.post(stream, b"one ")
    outbox.post(stream, b"two")
    assert not stream.queued
    assert peer.read(7) == b"one two"


def test_a_large_message_does_not_wait(ends: tuple[Stream, Peer]) -> None:
    stream, peer = ends
    sender = gevent.spawn(Outbox(get_hub()).post, stream, b"x" * (SMALL + 1))
    assert len(peer.read(SMALL + 1)) == SMALL + 1
    sender.get(timeout=5)


def test_many_messages_do_not_wait_for_more() -> None:
    outbox, ends = Outbox(get_hub()), [pair() for _ in range(MANY)]
    streams = [Stream(sock, get_hub()) for sock, _ in ends]
    for stream in streams:
        outbox.post(stream, b"hello")
    assert not any(stream.queued for stream in streams)
    settle()
    for stream, (_, peer) in zip(streams, ends, strict=True):
        assert peer.read(5) == b"hello"
        stream.close()
        peer.close()
