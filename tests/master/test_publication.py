import gevent
import pytest

from sozu.command.answers import Status
from sozu.command.orders import AddCluster
from sozu.command.worker_protocol import Publish
from sozu.master import publication as publication_module
from sozu.master.publication import Publication
from sozu.master.workers.roster import WorkerState
from tests.master.played import Play

ORDERS = [AddCluster(cluster="a"), AddCluster(cluster="b")]


def publication() -> Publication:
    return Publication(7, ORDERS, ())


def test_each_worker_confirms_and_the_tool_may_hear_it(play: Play) -> None:
    one, two = play(), play()
    published = publication()
    for played in (one, two):
        played.worker.now(WorkerState.RUNNING)
        published.send(played.worker)
        message = played.heard()
        assert isinstance(message, Publish)
        assert (message.revision, list(message.orders), message.last) == (7, ORDERS, True)
        played.reply(message.id, revision=7)
    published.follow()

    assert [worker.slot for worker, _ in published] == [0, 1]
    assert (published.confirmed, published.late) == (2, [])


def test_a_large_transaction_goes_in_parts_under_one_id(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publication_module, "AT_ONCE", 50)
    played = play()
    publication().send(played.worker)
    first, last = played.heard(), played.heard()

    assert isinstance(first, Publish)
    assert isinstance(last, Publish)
    assert (first.last, last.last) == (False, True)
    assert first.id == last.id


def test_a_worker_that_is_late_or_fails_is_replaced(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publication_module, "PATIENCE", 0.05)
    late, failing = play(), play()
    published = publication()
    for played in (late, failing):
        played.worker.now(WorkerState.RUNNING)
        published.send(played.worker)
    failing.reply(1, Status.ERROR, message="no such thing")
    published.follow()

    assert published.late == [failing.worker, late.worker]
    assert failing.replaced == ["revision 7 failed: no such thing"]
    assert late.replaced == ["it had not confirmed revision 7 in time"]


@pytest.mark.parametrize("killed", [False, True])
def test_a_worker_that_hung_and_was_replaced_meanwhile_is_late(play: Play, monkeypatch: pytest.MonkeyPatch, *, killed: bool) -> None:
    monkeypatch.setattr(publication_module, "PATIENCE", 0.05)
    hung = play()
    hung.worker.now(WorkerState.RUNNING)
    published = publication()
    published.send(hung.worker)
    hung.worker.hung = True
    hung.worker.now(WorkerState.DRAINING)
    if killed:
        hung.channel.close()
    published.follow()

    assert published.late == [hung.worker]


def test_a_worker_that_has_ended_is_not_late(play: Play) -> None:
    ended = play()
    ended.worker.now(WorkerState.RUNNING)
    published = publication()
    published.send(ended.worker)
    ended.channel.close()
    published.follow()

    assert published.late == []


def test_a_worker_that_is_still_starting_is_not_late(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publication_module, "PATIENCE", 0.01)
    starting = play()
    published = publication()
    published.send(starting.worker)
    published.follow()

    assert published.late == []
    assert starting.replaced == []


@pytest.mark.parametrize("data", [[1], {"running": 1}, {"running": [["a", []]]}, {"running": [["a"]]}, "text"])
def test_a_worker_that_confirms_what_makes_no_sense_is_replaced_and_nobody_waits(play: Play, data: object) -> None:
    played = play()
    played.worker.now(WorkerState.RUNNING)
    published = publication()
    published.send(played.worker)
    played.reply(1, data=data)
    published.follow()

    assert [worker for worker, _ in published] == [played.worker]
    assert (published.late, published.confirmed, published.running) == ([played.worker], 0, set())
    assert "makes no sense" in played.replaced[0]


def test_a_confirmation_that_says_more_than_we_know_of_is_one(play: Play) -> None:
    played = play()
    played.worker.now(WorkerState.RUNNING)
    published = publication()
    published.send(played.worker)
    played.reply(1, data={"running": [["a", "b"]], "later": 1})
    published.follow()

    assert (published.late, published.confirmed, published.running) == ([], 1, {("a", "b")})


def test_a_worker_that_drains_is_told_and_not_waited_for(play: Play) -> None:
    draining = play()
    draining.worker.now(WorkerState.DRAINING)
    published = publication()
    published.send(draining.worker)
    with gevent.Timeout(1.0):
        published.follow()

    assert isinstance(draining.heard(), Publish)
    assert list(published) == []
