"""Questions to workers over real channels; the workers are the other ends, played by the tests."""

import os
import socket

import pytest

from sozu.command.answers import Status
from sozu.command.worker_protocol import AskStatus, GiveListeners, Hello, Message, Ready, TakeLog
from sozu.master.workers.gathering import Gathering
from sozu.master.workers.link import LinkEnded
from sozu.master.workers.roster import WorkerState
from tests.master.played import Play, give_duplicates
from tests.procfs import descriptors


def status(number: int) -> list[Message]:
    return [AskStatus(id=number)]


def test_replies_come_in_the_order_of_arrival_until_all_are_final(play: Play) -> None:
    one, two = play(), play()
    gathering = Gathering(5.0)
    gathering.ask(one.worker, status)
    gathering.ask(two.worker, status)
    two.reply(1, Status.PROCESSING)
    two.reply(1)
    news = gathering.replies()
    first, second = next(news), next(news)
    one.reply(1)

    assert [first[0], second[0]] == [two.worker, two.worker]
    assert [worker for worker, _ in news] == [one.worker]
    assert gathering.late == []


def test_who_is_silent_at_the_deadline_is_late(play: Play) -> None:
    quick, slow = play(), play()
    gathering = Gathering(0.05)
    gathering.ask(quick.worker, status)
    gathering.ask(slow.worker, status)
    quick.reply(1)

    assert [worker for worker, _ in gathering.replies()] == [quick.worker]
    assert gathering.late == [slow.worker]


def test_a_worker_that_goes_is_not_waited_for(play: Play) -> None:
    one = play()
    gathering = Gathering(None)
    gathering.ask(one.worker, status)
    one.channel.close()

    assert list(gathering.replies()) == []
    assert gathering.late == []


def test_a_worker_that_has_gone_before_the_question_is_gone(play: Play) -> None:
    one = play()
    one.link.close()
    gathering = Gathering(None)
    gathering.ask(one.worker, status)

    assert list(gathering.replies()) == []
    assert gathering.late == []


def test_replies_that_were_written_before_the_end_are_heard(play: Play) -> None:
    one = play()
    gathering = Gathering(5.0)
    gathering.ask(one.worker, status)
    one.reply(1)
    one.channel.close()

    assert [reply.status for _, reply in gathering.replies()] == [Status.OK]


def test_each_question_hears_its_own_replies(play: Play) -> None:
    one = play()
    first, second = Gathering(5.0), Gathering(5.0)
    first.ask(one.worker, status)
    second.ask(one.worker, status)
    one.reply(2, message="second")
    one.reply(99, message="nobody asked")
    one.reply(1, message="first")

    assert [reply.message for _, reply in first.replies()] == ["first"]
    assert [reply.message for _, reply in second.replies()] == ["second"]


def test_descriptors_go_as_duplicates(play: Play) -> None:
    one = play()
    reader, writer = os.pipe()
    Gathering(None).ask(one.worker, lambda number: [TakeLog(id=number, descriptors=1)], [writer])
    os.close(writer)
    _, (descriptor,) = one.channel.receive()
    os.write(descriptor, b"log")
    os.close(descriptor)

    assert os.read(reader, 10) == b"log"
    os.close(reader)


def test_duplicates_are_closed_where_one_could_not_be_made(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    played = play()
    give_duplicates(monkeypatch, True, True, False)
    before = descriptors(os.getpid())
    with socket.socket() as one, pytest.raises(OSError, match="Too many open files"):
        played.link.tell(GiveListeners(listeners=()), [one, one, one])

    assert descriptors(os.getpid()) == before



def test_descriptors_that_were_never_sent_are_closed_with_the_link(play: Play) -> None:
    one = play()
    reader, writer = os.pipe()
    one.link.tell(TakeLog(id=1, descriptors=1), [writer])
    os.close(writer)
    one.link.close()

    assert os.read(reader, 1) == b""  # no writing end is left
    os.close(reader)


def test_greetings_come_in_their_order(play: Play) -> None:
    one = play()
    one.channel.send(Hello(version="1", schema=1, pid=2))
    one.channel.send(Ready(revision=3))

    assert one.link.greeting(Hello).pid == 2
    assert one.link.greeting(Ready).revision == 3


def test_another_greeting_than_the_one_that_was_due_ends_the_wait(play: Play) -> None:
    one, two = play(), play()
    one.channel.send(Ready(revision=3))
    two.channel.close()

    with pytest.raises(LinkEnded, match="where Hello was due"):
        one.link.greeting(Hello)
    with pytest.raises(LinkEnded, match="closed its channel"):
        two.link.greeting(Hello)


def test_nonsense_on_the_channel_ends_the_link(play: Play) -> None:
    one = play()
    one.channel._sock.sendall(memoryview(b"nonsense\0"))

    assert one.link.ended.wait(5.0)


def test_a_worker_has_a_name_and_a_state(play: Play) -> None:
    worker = play().worker
    began = worker.since
    worker.now(WorkerState.RUNNING)

    assert worker.name == "worker 0 (pid 4711)"
    assert worker.state is WorkerState.RUNNING
    assert worker.since >= began
