from collections.abc import Sequence
from typing import Any, cast

from gevent import get_hub

from sozu.proxy.counters import Counters
from sozu.proxy.entry import AnyEntry, Texts
from sozu.proxy.record import Books, Record
from tests.proxy.lab import settle


class Log:
    def __init__(self) -> None:
        self.times: list[list[int]] = []

    def record(self, entries: Sequence[AnyEntry]) -> None:
        self.times.append([session for _, session, *_ in entries])


def opened() -> tuple[Books, Counters, Log]:
    counters, log = Counters(), Log()
    return Books(get_hub(), counters, cast("Any", log)), counters, log


def over(books: Books, session: int) -> None:
    record = Record(b"id", session, b"192.0.2.1:5", Texts(), 1.0)
    record.status = 200
    record.close(books)


def test_what_ends_in_one_turn_is_counted_and_logged_together_in_its_order() -> None:
    books, counters, log = opened()
    for session in range(3):
        over(books, session)
    assert (counters.requests, log.times) == (0, [])
    settle()
    assert (counters.requests, counters.statuses[200], log.times) == (3, 3, [[0, 1, 2]])
    over(books, 3)
    settle()
    assert log.times == [[0, 1, 2], [3]]


def test_who_wants_the_figures_now_settles_first_and_nothing_counts_twice() -> None:
    books, counters, log = opened()
    over(books, 7)
    books.settle()
    settle()
    assert (counters.requests, log.times) == (1, [[7]])
