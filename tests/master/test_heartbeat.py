import gevent

from sozu.command.answers import Status
from sozu.command.worker_protocol import AskStatus
from sozu.master.workers.heartbeat import SILENCE, Heartbeat
from sozu.master.workers.roster import WorkerState
from tests.master.played import Play, Played


def asked(play: Play) -> tuple[Played, Heartbeat]:
    one = play()
    one.worker.now(WorkerState.RUNNING)
    heartbeat = Heartbeat(lambda: [one.worker])
    heartbeat.look(100.0)
    return one, heartbeat


def question(one: Played) -> int:
    heard = one.heard()
    assert isinstance(heard, AskStatus)
    return heard.id


def test_who_answers_is_asked_again_and_left_alone(play: Play) -> None:
    one, heartbeat = asked(play)
    for later in range(1, 4):
        one.reply(question(one), Status.OK)
        gevent.idle()
        heartbeat.look(100.0 + later * SILENCE)

    assert one.replaced == []


def test_who_is_silent_is_hung_and_replaced_once(play: Play) -> None:
    one, heartbeat = asked(play)
    heartbeat.look(100.0 + SILENCE / 2)
    assert not one.worker.hung
    heartbeat.look(100.0 + SILENCE)
    heartbeat.look(100.0 + SILENCE * 2)

    assert one.replaced == ["it hangs"]
    assert one.worker.hung


def test_who_was_told_to_end_by_somebody_else_gets_a_successor_at_once(play: Play) -> None:
    one, heartbeat = asked(play)
    one.reply(question(one), Status.OK, data={"ending": False})
    gevent.idle()
    assert one.replaced == []

    heartbeat.look(101.0)
    one.reply(question(one), Status.OK, data={"ending": True})
    gevent.idle()
    assert one.replaced == ["it was told to end, and not by the master"]


def test_who_drains_by_our_own_word_needs_none(play: Play) -> None:
    one, _ = asked(play)
    one.worker.now(WorkerState.DRAINING)
    one.reply(question(one), Status.OK, data={"ending": True})
    gevent.idle()
    assert one.replaced == []


def test_who_answers_late_hangs_no_more(play: Play) -> None:
    one, heartbeat = asked(play)
    heartbeat.look(100.0 + SILENCE)
    one.reply(question(one), Status.OK)
    gevent.idle()
    heartbeat.look(101.0 + SILENCE)

    assert not one.worker.hung


def test_who_drains_is_not_asked(play: Play) -> None:
    one = play()
    one.worker.now(WorkerState.DRAINING)
    heartbeat = Heartbeat(lambda: [one.worker])
    heartbeat.look(100.0)
    heartbeat.look(100.0 + SILENCE)

    assert one.replaced == []
