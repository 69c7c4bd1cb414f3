"""The terms of a cluster, each by itself: the time is an argument."""

import pytest

from sozu.command.facts import Cluster
from sozu.command.terms import Breaker as BreakerPolicy
from sozu.command.terms import Failures, Queue, Retries, Share
from sozu.proxy.registry.terms import Terms, terms_for
from sozu.proxy.registry.terms.affinity import set_cookie, without_cookie
from sozu.proxy.registry.terms.allowances import Guests, RetryBudget
from sozu.proxy.registry.terms.breaker import Breaker
from sozu.proxy.registry.terms.misses import Misses
from sozu.proxy.registry.terms.waiting import WaitingRoom

POLICY = Failures(limit=3, within=10, pause=1, longest=3)


def noted(misses: Misses, *times: float, policy: Failures = POLICY) -> list[bool]:
    return [misses.note(now, policy) for now in times]


def test_a_backend_rests_after_so_many_failures_in_so_many_seconds() -> None:
    misses = Misses()
    assert noted(misses, 0, 1, 2) == [False, False, True]
    assert (misses.pause, misses.until) == (1, 3)


def test_failures_far_apart_are_forgotten() -> None:
    assert noted(Misses(), 0, 8, 16, 24) == [False] * 4


def test_what_fails_during_the_rest_had_begun_before() -> None:
    assert noted(Misses(), 0, 0, 0, 0.5) == [False, False, True, False]


def test_after_the_rest_one_failure_doubles_it_up_to_the_longest() -> None:
    misses = Misses()
    assert noted(misses, 0, 0, 0, 2, 5, 9) == [False, False, True, True, True, True]
    assert (misses.pause, misses.until) == (3, 12)


def test_who_was_well_for_long_begins_anew() -> None:
    misses = Misses()
    assert noted(misses, 0, 0, 0, 12, 12, 12) == [False, False, True, False, False, True]
    assert misses.pause == 1


def test_without_a_limit_nobody_rests() -> None:
    assert noted(Misses(), 0, 0, 0, 0, policy=Failures(limit=0)) == [False] * 4


def breaker(**policy: float) -> Breaker:
    return Breaker(BreakerPolicy(**{"share": 50, "least": 4, "within": 10, "pause": 5, **policy}))  # type: ignore[arg-type]


def test_a_breaker_opens_when_its_share_of_enough_requests_has_failed() -> None:
    one = breaker()
    for well in (False, True, False):
        one.done(0, well=well)
    assert one.admits(0)
    one.done(0, well=True)
    assert one.admits(0)
    one.done(0, well=False)
    assert (one.open, one.admits(4.9)) == (True, False)


def test_an_open_breaker_lets_one_through_and_believes_it() -> None:
    for well in (True, False):
        one = breaker(least=1)
        one.done(0, well=False)
        assert [one.admits(5), one.admits(5)] == [True, False]
        one.done(6, well=well)
        assert one.admits(7) is well
        assert one.admits(11)


def test_a_trial_that_says_nothing_is_followed_by_another() -> None:
    one = breaker(least=1)
    one.done(0, well=False)
    assert one.admits(5)
    one.done(6, well=None)
    assert one.admits(6)


def test_a_request_from_before_the_breaker_opened_changes_nothing() -> None:
    one = breaker(least=1)
    one.done(0, well=False)
    one.done(1, well=True)
    assert one.open


def test_a_breaker_forgets_what_is_older_than_its_time() -> None:
    one = breaker()
    for now in (0, 0, 0):
        one.done(now, well=False)
    one.done(10, well=False)
    assert not one.open
    for now in (15, 15):
        one.done(now, well=False)
    assert not one.open
    one.done(15, well=False)
    assert one.open


def test_a_retry_is_earned_by_requests() -> None:
    budget = RetryBudget(Retries(budget=25))
    assert sum(budget.spend() for _ in range(20)) == 10
    for _ in range(8):
        budget.earn()
    assert [budget.spend(), budget.spend(), budget.spend()] == [True, True, False]


def test_a_budget_is_not_saved_for_ever() -> None:
    budget = RetryBudget(Retries(budget=50))
    for _ in range(10_000):
        budget.earn()
    assert sum(budget.spend() for _ in range(1000)) == 50


def test_a_client_has_so_many_exchanges_and_no_more() -> None:
    guests = Guests(2)
    assert [guests.enter(b"a"), guests.enter(b"a"), guests.enter(b"a"), guests.enter(b"b")] == [True, True, False, True]
    guests.leave(b"a")
    assert guests.enter(b"a")
    for address in (b"a", b"a", b"b"):
        guests.leave(address)
    assert not guests._counts


def test_first_come_first_served() -> None:
    room, called = WaitingRoom(2), list[str]()
    first, second = (lambda: called.append("first")), (lambda: called.append("second"))
    assert [room.enter(first), room.enter(second), room.enter(first), len(room)] == [True, True, False, 2]
    for _ in range(3):
        room.call_next()
    assert called == ["first", "second"]


def test_who_leaves_after_he_was_called_gives_his_turn_to_the_next() -> None:
    room, called = WaitingRoom(2), list[str]()
    first, second = (lambda: called.append("first")), (lambda: called.append("second"))
    room.enter(first)
    room.enter(second)
    room.call_next()
    room.leave(first)
    assert called == ["first", "second"]
    room.enter(first)
    room.leave(first)
    assert (called, len(room)) == (["first", "second"], 0)


HEAD = b"GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1; SITE=x; b=2\r\nAccept: */*\r\n"


def test_a_cookie_is_taken_out_and_the_others_stay() -> None:
    head, said = without_cookie(HEAD, b"SITE")
    assert said == b"x"
    assert head == b"GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nCookie: a=1; b=2\r\n"


@pytest.mark.parametrize("name", [b"site", b"a=1", b"Host", b"GET"])
def test_a_head_without_the_cookie_stays_as_it_is(name: bytes) -> None:
    assert without_cookie(HEAD, name) == (HEAD, b"")


def test_a_cookie_alone_takes_its_line_along() -> None:
    assert without_cookie(b"GET / HTTP/1.1\r\nCookie: SITE=x\r\ncookie: SITE=y\r\n", b"SITE") == (b"GET / HTTP/1.1\r\n", b"x")


def test_the_cookie_is_for_the_site_and_not_for_scripts() -> None:
    assert set_cookie("SITE", b"x") == b"Set-Cookie: SITE=x; Path=/; HttpOnly; SameSite=Lax\r\n"


@pytest.mark.parametrize("settings", [{}, {"slow_start": 5.0}, {"failures": POLICY}, {"hash_on": "cookie:x"}])
def test_a_cluster_that_asks_for_nothing_has_no_terms(settings: dict[str, object]) -> None:
    assert terms_for(Cluster(cluster="c", **settings), 1, None) is None  # type: ignore[arg-type]


def held(cluster: Cluster, old: Terms | None = None, workers: int = 1) -> Terms:
    terms = terms_for(cluster, workers, old)
    assert terms is not None
    terms.hold()
    return terms


def test_every_worker_has_a_part_of_a_limit_and_never_none() -> None:
    terms = held(Cluster(cluster="c", max_exchanges=5, max_per_client=1, queue=Queue(size=3)), workers=2)
    assert terms.guests is not None
    assert (terms.room, terms.guests.policy, terms.queue.size) == (3, 1, 2)


def test_what_was_counted_goes_on_under_new_terms() -> None:
    cluster = Cluster(cluster="c", max_per_client=2, breaker=BreakerPolicy(), retries=Retries(), queue=Queue(size=1, seconds=7))
    old = held(cluster)
    new = held(Cluster(cluster="c", max_per_client=5, breaker=BreakerPolicy(least=1), retries=Retries(most=1)), old)
    assert (new.guests is old.guests, new.breaker is old.breaker, new.budget is old.budget, new.queue is old.queue) == (True,) * 4
    assert new.breaker is not None
    assert (new.breaker.policy.least, new.queue.size, old.patience, new.patience) == (1, 0, 7, 0)
    last = held(Cluster(cluster="c", split=(Share(cluster="d", share=5),)), new)
    assert (last.guests, last.breaker, last.budget, last.room) == (None, None, None, None)


def test_limits_are_divided_anew_when_there_are_more_workers() -> None:
    terms = held(Cluster(cluster="c", max_exchanges=8, max_per_client=4, queue=Queue(size=3)), workers=2)
    terms.divide(4)
    assert terms.guests is not None
    assert (terms.room, terms.guests.policy, terms.queue.size) == (2, 1, 1)
