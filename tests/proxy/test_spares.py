import gevent
from gevent.hub import get_hub
from greenlet import GreenletExit, getcurrent

from sozu.proxy.loop.spares import Spares


def in_hub(spares: Spares, *jobs: object) -> None:
    for job in jobs:
        spares.run_soon(job)  # type: ignore[arg-type]
    gevent.idle()
    gevent.idle()


def test_a_finished_greenlet_takes_the_next_job() -> None:
    spares, seen = Spares(get_hub()), []
    for _ in range(3):
        in_hub(spares, lambda: seen.append(getcurrent()))
    assert len(seen) == 3
    assert len(set(seen)) == 1


def test_jobs_that_park_run_side_by_side() -> None:
    spares, seen = Spares(get_hub()), []

    def park(name: str) -> None:
        seen.append(f"{name} in")
        gevent.idle()
        seen.append(f"{name} out")

    in_hub(spares, lambda: park("a"), lambda: park("b"))
    gevent.idle()
    assert seen[:2] == ["a in", "b in"]
    assert sorted(seen[2:]) == ["a out", "b out"]


def test_no_more_are_kept_than_asked_for() -> None:
    spares = Spares(get_hub(), keep=1)
    in_hub(spares, *[gevent.idle] * 3)
    gevent.idle()
    assert len(spares.idle) == 1


def test_one_that_ends_in_its_job_is_alive_no_more() -> None:
    spares = Spares(get_hub())

    def end() -> None:
        raise GreenletExit

    in_hub(spares, end)
    assert (spares.alive, spares.idle) == (0, [])
    in_hub(spares, gevent.idle)
    gevent.idle()
    assert (spares.alive, len(spares.idle)) == (1, 1)
