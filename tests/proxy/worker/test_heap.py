import gc

import pytest

from sozu.command.rules.spellings import hostname_in
from sozu.proxy.counters import Counters
from sozu.proxy.worker.heap import CROWD, MANY, MANY_ORDERS, Heap, malloc_trim


def trims(*there: int) -> list[int]:
    """At which of these counts of connections the heap is trimmed."""
    counters, seen = Counters(), list[int]()
    heap = Heap(counters, lambda _: seen.append(counters.connections_open))
    for count in there:
        counters.connections_open = count
        heap.look()
    return seen


@pytest.mark.parametrize(
    ("there", "trimmed"),
    [
        ((CROWD, 0), [0]),
        ((CROWD - 1, 0), []),
        ((1000, 600, 501), []),
        ((1000, 500, 300, 250, 0, 0), [500, 250, 0]),
        ((1000, 500, 1000, 501, 0), [500, 0]),
        ((50, 60, 50, 60, 10), []),
    ],
)
def test_half_of_a_crowd_gone_is_reason_to_trim(there: tuple[int, ...], trimmed: list[int]) -> None:
    assert trims(*there) == trimmed


def test_exchanges_that_end_are_a_crowd_too() -> None:
    counters, seen = Counters(), list[int]()
    heap = Heap(counters, seen.append)
    counters.connections_open = counters.exchanges_open = 2 * CROWD
    heap.look()
    counters.exchanges_open = 0
    heap.look()
    assert seen == [0]


def test_the_c_library_can_be_asked() -> None:
    assert malloc_trim()(0) in (0, 1)


def test_a_large_part_of_the_configuration_gone_is_reason_to_trim() -> None:
    seen = list[str]()
    heap = Heap(Counters(), lambda _: seen.append("trimmed"))
    for facts in (-MANY, 0, MANY - 1):
        heap.shrunk(facts, lambda: seen.append("packed"))
    assert not seen
    heap.shrunk(MANY, lambda: seen.append("packed"))
    assert seen == ["packed", "trimmed"]


def test_with_a_large_part_of_the_configuration_goes_what_was_remembered_of_it() -> None:
    hostname_in("large.example")
    Heap(Counters(), lambda _: None).shrunk(MANY, lambda: None)
    assert hostname_in.cache_info().currsize == 0


@pytest.mark.parametrize(("orders", "spared"), [(MANY_ORDERS - 1, False), (MANY_ORDERS, True)])
def test_what_a_large_change_builds_is_spared_the_collector(orders: int, *, spared: bool) -> None:
    heap, frozen = Heap(Counters(), lambda _: None), gc.get_freeze_count()
    try:
        with heap.spare(orders):
            assert gc.isenabled() is not spared
        assert gc.isenabled()
        assert (gc.get_freeze_count() > frozen) is spared
    finally:
        gc.unfreeze()


def test_the_collector_that_was_off_stays_off() -> None:
    heap = Heap(Counters(), lambda _: None)
    gc.disable()
    try:
        with heap.spare(MANY_ORDERS):
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
