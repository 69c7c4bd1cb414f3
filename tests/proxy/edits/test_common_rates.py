"""Rates that all workers count together. The clock is the test's."""

from collections.abc import Iterator
import os

import pytest

from sozu.command.edits.facts import Rate
from sozu.proxy.edits.common_rates import PROBES, CommonRates, rule_name
from sozu.proxy.edits.rates import Rates

PLACES = 64
SITE = ("", "a", "prefix", "/")


@pytest.fixture
def memory() -> Iterator[int]:
    descriptor = os.memfd_create("test")
    os.ftruncate(descriptor, PLACES * 16)
    yield descriptor
    os.close(descriptor)


def worker(memory: int) -> Rates:
    rates = Rates()
    rates.workers = 2
    rates.common = CommonRates(os.dup(memory))
    return rates


@pytest.mark.parametrize("shares", [(1, 0), (1, 1), (3, 1)])
@pytest.mark.parametrize("rate", [Rate(requests=10), Rate(requests=600, seconds=60), Rate(requests=100, burst=8), Rate(requests=7, seconds=3, burst=1)])
def test_the_rate_is_kept_exactly_whichever_worker_is_asked(memory: int, rate: Rate, shares: tuple[int, int]) -> None:
    one, two = worker(memory), worker(memory)
    asked = [one] * shares[0] + [two] * shares[1]
    every, seconds = 0.003, 120.0
    let_in = sum(asked[turn % len(asked)].take(SITE, rate, b"a", 1000 + turn * every) == 0 for turn in range(round(seconds / every)))

    burst = rate.burst or rate.requests
    assert let_in == pytest.approx(burst + seconds * rate.requests / rate.seconds, rel=0.005, abs=1)


def test_a_burst_is_one_for_all_workers(memory: int) -> None:
    one, two = worker(memory), worker(memory)
    rate = Rate(requests=1, burst=5)
    assert [each.take(SITE, rate, b"a", 10.0) for each in (one, two, two, one, one, two, one)] == [0, 0, 0, 0, 0, 1, 1]
    assert two.take(SITE, rate, b"a", 11.0) == 0
    assert one.take(SITE, rate, b"a", 11.0) == 1


def test_it_is_told_when_the_next_may_come(memory: int) -> None:
    rates, rate = worker(memory), Rate(requests=1, seconds=60)
    assert [rates.take(SITE, rate, b"a", now) for now in (5.0, 5.0, 35.0, 65.0)] == [0, 60, 30, 0]


def test_addresses_frontends_and_rules_are_told_apart(memory: int) -> None:
    rates, rate = worker(memory), Rate(requests=1)
    assert rates.take(SITE, rate, b"a", 1.0) == 0
    assert rates.take(SITE, rate, b"b", 1.0) == 0
    assert rates.take(("", "b", "prefix", "/"), rate, b"a", 1.0) == 0
    assert rates.take(SITE, Rate(requests=1, seconds=2), b"a", 1.0) == 0
    assert rates.take(SITE, rate, b"a", 1.0) == 1


def test_who_finds_no_room_has_the_part_of_his_worker(memory: int) -> None:
    rates, rate = worker(memory), Rate(requests=2, seconds=1000)
    addresses = [b"%d" % number for number in range(10 * PLACES)]
    assert [rates.take(SITE, rate, address, 1.0) for address in addresses] == [0] * len(addresses)
    assert rates.common is not None
    homeless = [address for address in addresses if rates.common.take(rule_name(SITE, rate), rate, address, 1.0) is None]
    assert len(homeless) >= len(addresses) - PLACES > PROBES
    assert rates.take(SITE, rate, homeless[-1], 1.0) > 0  # one of two: the other one is the other worker's


def test_a_full_bucket_gives_its_place_up(memory: int) -> None:
    rates, rate = worker(memory), Rate(requests=1)
    for number in range(10 * PLACES):
        assert rates.take(SITE, rate, b"%d" % number, 2.0 * number) == 0
    assert rates.take(SITE, rate, b"last", 9999.0) == 0
    assert rates.take(SITE, rate, b"last", 9999.0) == 1


def test_without_common_memory_each_worker_has_its_part() -> None:
    rates, rate = Rates(), Rate(requests=4, seconds=1000)
    rates.workers = 2
    assert [rates.take(SITE, rate, b"a", 1.0) == 0 for _ in range(4)] == [True, True, False, False]
