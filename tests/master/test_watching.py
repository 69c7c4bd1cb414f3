from typing import Any

import gevent
import pytest

from sozu.command.answers import Status
from sozu.command.worker_protocol import WatchBackend
from sozu.master.tools.watching import StillInUse, watch_backend
from sozu.master.workers.roster import Roster
from tests.master.played import Play, Played

BACKEND = ("blog", "127.0.0.1:9001")


class Watch:
    """A wait under way, and what it told."""

    def __init__(self, *workers: Played) -> None:
        self.told: list[int] = []
        roster = Roster()
        for played in workers:
            roster.join(played.worker)
        self.wait = gevent.spawn(watch_backend, roster, *BACKEND, self.say)
        for played in workers:
            asked = played.heard()
            assert isinstance(asked, WatchBackend)
            assert (asked.cluster, asked.address) == BACKEND

    def say(self, _: str, data: Any) -> None:
        self.told.append(data["exchanges"])

    def until_told(self, *sums: int) -> None:
        with gevent.Timeout(5.0):
            while self.told != list(sums):
                gevent.sleep(0)


def count(played: Played, exchanges: int) -> None:
    played.reply(1, Status.PROCESSING, data={"exchanges": exchanges})


def test_all_have_counted_before_a_sum_is_told_and_the_wait_is_over_with_the_last_exchange(play: Play) -> None:
    one, two = play(), play()
    watch = Watch(one, two)
    count(one, 2)
    count(two, 3)
    watch.until_told(5)
    one.reply(1)
    watch.until_told(5, 3)
    assert not watch.wait.dead
    two.reply(1)
    watch.wait.get(timeout=5.0)

    assert watch.told == [5, 3]


def test_the_same_sum_is_told_once(play: Play) -> None:
    one = play()
    watch = Watch(one)
    count(one, 2)
    count(one, 2)
    one.reply(1)
    watch.wait.get(timeout=5.0)

    assert watch.told == [2]


def test_the_exchanges_of_a_worker_that_died_have_ended(play: Play) -> None:
    one = play()
    watch = Watch(one)
    count(one, 2)
    one.channel.close()

    watch.wait.get(timeout=5.0)


def test_what_a_worker_that_died_had_counted_is_in_no_sum_that_follows(play: Play) -> None:
    one, two = play(), play()
    watch = Watch(one, two)
    count(one, 2)
    count(two, 3)
    watch.until_told(5)
    one.channel.close()
    watch.until_told(5, 3)  # it is told at once: what is left may be a tunnel, which counts nothing for days
    count(two, 1)
    watch.until_told(5, 3, 1)
    two.reply(1)
    watch.wait.get(timeout=5.0)

    assert watch.told == [5, 3, 1]


def test_a_backend_that_is_in_use_again_ends_the_wait(play: Play) -> None:
    one = play()
    watch = Watch(one)
    one.reply(1, Status.ERROR)

    with pytest.raises(StillInUse, match="worker 0"):
        watch.wait.get(timeout=5.0)


def test_without_workers_there_is_nothing_to_wait_for() -> None:
    Watch().wait.get(timeout=5.0)
