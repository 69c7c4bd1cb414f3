from collections.abc import Callable, Iterator

from sozu.proxy.loop.breath import LEAST, MOST, SHARE, Breath


class Clock:
    def __init__(self, pauses: Callable[[int], float]) -> None:
        self.now, self.pauses, self._lasts = 0.0, list[float](), pauses

    def pause(self) -> None:
        self.pauses.append(self.now)
        self.now += self._lasts(len(self.pauses))


def bits(lasts: float, step: float, steps: int) -> list[float]:
    """How long each bit was, where a pause lasts so many seconds and a step takes so many."""
    clock = Clock(lambda _: lasts)
    breath = Breath(clock.pause, lambda: clock.now)
    breath.begin()

    def work() -> Iterator[None]:
        for _ in range(steps):
            clock.now += step
            yield

    breath.through(work())
    begun = [0.0, *(ended + lasts for ended in clock.pauses[:-1])]
    return [round(ended - since, 6) for since, ended in zip(begun, clock.pauses, strict=True)]


def test_the_first_bit_is_short() -> None:
    assert bits(1.0, LEAST / 4, 10)[0] == LEAST


def test_a_bit_is_in_proportion_to_the_pause_before_it() -> None:
    _, *others = bits(0.001, step := 0.00001, 200)
    assert len(others) > 10
    assert all(0.001 / SHARE <= bit <= 0.001 / SHARE + step for bit in others)


def test_after_a_long_pause_a_bit_is_short_nevertheless() -> None:
    _, *others = bits(10.0, step := MOST / 10, 50)
    assert len(others) == 4
    assert all(MOST <= bit <= MOST + step for bit in others)


def test_where_pauses_end_at_once_bits_are_short_and_no_shorter() -> None:
    assert set(bits(0.0, LEAST / 2, 20)) == {LEAST}


def test_what_takes_longer_than_a_bit_is_followed_by_a_pause_each_time() -> None:
    assert len(bits(0.0, 1.0, 7)) == 7
