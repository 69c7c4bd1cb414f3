from sozu.command.facts import Backend
from sozu.proxy.registry import Registry
from sozu.proxy.registry.live_backend import LiveBackend
from sozu.proxy.worker.news import HealthNews

FACT = Backend(cluster="blog", address="127.0.0.1:1")


class House:
    def __init__(self) -> None:
        self.registry, self.live = Registry(), LiveBackend(FACT)
        self.told: list[tuple[str, tuple[str, str], str]] = []
        self.news = HealthNews(self.registry, lambda *what: self.told.append(what))

    def judge(self, *, down: bool) -> None:
        self.registry.judge(self.live, down=down, reason="refused")


def test_a_backend_that_goes_down_and_comes_up_is_told_once_each() -> None:
    house = House()
    for _ in range(3):
        house.judge(down=True)
        house.news.look()
    house.judge(down=False)
    house.news.look()
    house.news.look()

    assert house.told == [("backend_down", FACT.key, "refused"), ("backend_up", FACT.key, "")]


def test_one_that_flaps_between_two_looks_is_no_news() -> None:
    house = House()
    for _ in range(5):
        house.judge(down=True)
        house.judge(down=False)
    house.news.look()

    assert house.told == []
