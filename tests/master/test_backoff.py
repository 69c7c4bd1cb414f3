import pytest

from sozu.master.workers.backoff import FIRST, HALF_LIFE, LONGEST, Backoff


def test_the_first_crash_is_repaired_at_once() -> None:
    assert Backoff().after(0.0) == 0.0


def test_each_further_crash_doubles_the_pause_up_to_the_longest() -> None:
    backoff = Backoff()
    pauses = [backoff.after(0.0) for _ in range(10)]

    assert pauses[:4] == [0.0, FIRST, 2 * FIRST, 4 * FIRST]
    assert pauses[-1] == LONGEST


def test_a_worker_that_has_lived_is_replaced_at_once_and_ends_the_loop() -> None:
    backoff = Backoff()
    for _ in range(10):
        backoff.after(0.0)

    assert backoff.after(20 * HALF_LIFE) == 0.0
    assert backoff.after(0.0) == FIRST


@pytest.mark.parametrize("lifetime", [HALF_LIFE, 2 * HALF_LIFE])
def test_who_is_killed_again_and_again_after_a_while_never_waits_for_long(lifetime: float) -> None:
    backoff = Backoff()
    assert max(backoff.after(lifetime) for _ in range(50)) <= FIRST
