from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.command.rules.clusters import BALANCING
from sozu.command.facts import LoadBalancing
from sozu.proxy.registry.balancing import LeastLoaded, Random, RoundRobin, balancer_for


@dataclass(eq=False)
class Server:
    name: str
    weight: int = 100
    exchanges: int = 0
    credit: int = 0


def names(balancer: RoundRobin | Random | LeastLoaded, servers: tuple[Server, ...], times: int) -> str:
    return "".join(balancer.pick(servers).name for _ in range(times))


def test_round_robin_takes_turns() -> None:
    servers = (Server("a"), Server("b"), Server("c"))
    assert names(RoundRobin(), servers, 7) == "abcabca"


def test_round_robin_goes_on_where_it_was_when_the_servers_change() -> None:
    balancer = RoundRobin()
    assert names(balancer, (Server("a"), Server("b"), Server("c")), 2) == "ab"
    assert names(balancer, (Server("a"), Server("b")), 3) == "aba"


def test_round_robin_spreads_the_turns_of_a_heavy_server() -> None:
    servers = (Server("a", 5), Server("b", 1), Server("c", 1))
    assert names(RoundRobin(), servers, 7) == "aabacaa"


@given(st.lists(st.integers(1, 256), min_size=1, max_size=6))
def test_round_robin_gives_each_server_exactly_its_share_of_a_round(weights: list[int]) -> None:
    servers = tuple(Server(str(place), weight) for place, weight in enumerate(weights))
    balancer = RoundRobin()
    picked = Counter(balancer.pick(servers).name for _ in range(sum(weights)))
    even = len(set(weights)) == 1
    expected = {server.name: sum(weights) // len(weights) if even else server.weight for server in servers}
    assert picked == expected


@pytest.mark.parametrize(("throw", "name"), [(0.0, "a"), (0.24, "a"), (0.25, "b"), (0.999999, "b"), (1.0, "b")])
def test_random_follows_the_weights(throw: float, name: str) -> None:
    assert Random(lambda: throw).pick((Server("a", 1), Server("b", 3))).name == name


def test_least_loaded_takes_the_one_with_the_fewest_exchanges_for_its_weight() -> None:
    servers = (Server("a", 100, exchanges=3), Server("b", 50, exchanges=2), Server("c", 200, exchanges=5))
    assert LeastLoaded().pick(servers).name == "c"


def test_least_loaded_takes_turns_among_equals() -> None:
    assert names(LeastLoaded(), (Server("a"), Server("b")), 4) == "abab"


def test_every_kind_that_a_commit_lets_through_has_a_balancer() -> None:
    assert {type(balancer_for(kind)) for kind in BALANCING} == {RoundRobin, Random, LeastLoaded}


def test_a_kind_of_a_later_version_is_no_balancer() -> None:
    with pytest.raises(KeyError):
        balancer_for(LoadBalancing.MAGLEV)
