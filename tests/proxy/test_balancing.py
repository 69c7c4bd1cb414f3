from collections import Counter
from dataclasses import dataclass, field
import random

from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.command.facts import LoadBalancing
from sozu.proxy.registry.balancing import KEYED, Balancer, Maglev, balancer_for
from sozu.proxy.registry.balancing.chances import PowerOfTwo, Random
from sozu.proxy.registry.balancing.hashing import Rendezvous, hashed, stirred
from sozu.proxy.registry.balancing.turns import LeastLoaded, RoundRobin

TIMES = 20_000
KEYS = [f"192.0.2.{number % 256}:{number}".encode() for number in range(TIMES)]


@dataclass(eq=False)
class Server:
    name: str
    weight: float = 100
    exchanges: int = 0
    credit: float = 0
    seed: int = field(init=False)

    def __post_init__(self) -> None:
        self.seed = hashed(self.name.encode())


def names(balancer: Balancer, servers: tuple[Server, ...], times: int) -> str:
    return "".join(balancer.pick(servers).name for _ in range(times))


def servers(*weights: float) -> tuple[Server, ...]:
    return tuple(Server(f"10.0.0.{number}:80", weight) for number, weight in enumerate(weights, 1))


def prepared(*weights: float) -> tuple[Maglev, tuple[Server, ...]]:
    balancer, candidates = Maglev(), servers(*weights)
    balancer.prepare(candidates)
    return balancer, candidates


def by_key(balancer: Balancer, candidates: tuple[Server, ...]) -> list[str]:
    return [balancer.pick(candidates, key).name for key in KEYS]


def shares(picked: list[str], candidates: tuple[Server, ...]) -> list[float]:
    counts = Counter(picked)
    return [counts[server.name] / len(picked) for server in candidates]


def test_round_robin_takes_turns() -> None:
    assert names(RoundRobin(), (Server("a"), Server("b"), Server("c")), 7) == "abcabca"


@pytest.mark.parametrize("kind", [LoadBalancing.ROUND_ROBIN, LoadBalancing.LEAST_LOADED])
@pytest.mark.parametrize("size", [3, 4, 5])
@pytest.mark.parametrize("unreachable", [0, 1, -1])
def test_the_turns_of_one_who_cannot_be_reached_are_shared_by_all_others(kind: LoadBalancing, size: int, unreachable: int) -> None:
    tier = servers(*[100] * size)
    balancer = balancer_for(kind)
    assert isinstance(balancer, RoundRobin | LeastLoaded)
    taken: Counter[str] = Counter()
    for _ in range(size * (size - 1) * 10):
        picked = balancer.pick(tier)
        if picked is tier[unreachable]:
            picked = balancer.pick_of(tier, tuple(server for server in tier if server is not picked))
        taken[picked.name] += 1
    assert set(taken.values()) == {size * 10}


def test_unequal_ones_share_the_turns_of_one_who_is_full_by_their_weights() -> None:
    tier = servers(100, 50, 100)
    balancer = RoundRobin()
    taken = Counter(balancer.pick_of(tier, tier[:2]).name for _ in range(30))
    assert taken == {tier[0].name: 20, tier[1].name: 10}


def test_round_robin_goes_on_where_it_was_when_the_servers_change() -> None:
    balancer = RoundRobin()
    assert names(balancer, (Server("a"), Server("b"), Server("c")), 2) == "ab"
    assert names(balancer, (Server("a"), Server("b")), 3) == "aba"


def test_round_robin_spreads_the_turns_of_a_heavy_server() -> None:
    assert names(RoundRobin(), (Server("a", 5), Server("b", 1), Server("c", 1)), 7) == "aabacaa"


@given(st.lists(st.integers(1, 256), min_size=1, max_size=6))
def test_round_robin_gives_each_server_exactly_its_share_of_a_round(weights: list[int]) -> None:
    candidates = tuple(Server(str(place), weight) for place, weight in enumerate(weights))
    balancer = RoundRobin()
    picked = Counter(balancer.pick(candidates).name for _ in range(sum(weights)))
    even = len(set(weights)) == 1
    expected = {server.name: sum(weights) // len(weights) if even else server.weight for server in candidates}
    assert picked == expected


@pytest.mark.parametrize(("throw", "name"), [(0.0, "a"), (0.24, "a"), (0.25, "b"), (0.999999, "b"), (1.0, "b")])
def test_random_follows_the_weights(throw: float, name: str) -> None:
    assert Random(lambda: throw).pick((Server("a", 1), Server("b", 3))).name == name


def test_random_spreads_in_proportion_to_the_weights() -> None:
    candidates, balancer = servers(50, 100, 200), Random(random.Random(1).random)
    found = shares([balancer.pick(candidates).name for _ in range(TIMES)], candidates)
    assert found == pytest.approx([1 / 7, 2 / 7, 4 / 7], abs=0.01)


def test_random_looks_again_when_the_servers_change() -> None:
    balancer = Random(lambda: 0.9)
    assert (names(balancer, (Server("a"), Server("b")), 1), names(balancer, (Server("a"),), 1)) == ("b", "a")


def test_least_loaded_takes_the_one_with_the_fewest_exchanges_for_its_weight() -> None:
    candidates = (Server("a", 100, exchanges=3), Server("b", 50, exchanges=2), Server("c", 200, exchanges=5))
    assert LeastLoaded().pick(candidates).name == "c"


def test_least_loaded_takes_turns_among_equals() -> None:
    assert names(LeastLoaded(), (Server("a"), Server("b")), 4) == "abab"


def test_power_of_two_takes_the_less_loaded_of_the_two_it_throws_at() -> None:
    throws = iter([0.1, 0.9, 0.9, 0.1, 0.1, 0.1])
    busy, idle = Server("a", exchanges=2), Server("b", exchanges=1)
    assert names(PowerOfTwo(lambda: next(throws)), (busy, idle), 3) == "bba"


@pytest.mark.parametrize("weights", [(100, 100, 100), (50, 100, 200)])
def test_power_of_two_keeps_loads_close_to_the_weights(weights: tuple[int, ...]) -> None:
    candidates, balancer = servers(*weights), PowerOfTwo(random.Random(2).random)
    for _ in range(TIMES):
        balancer.pick(candidates).exchanges += 1
    found = [server.exchanges / TIMES for server in candidates]
    assert found == pytest.approx([weight / sum(weights) for weight in weights], abs=0.001)


@pytest.mark.parametrize("weights", [(1, 1), (100, 100, 100), (50, 100, 200), (256, 1), tuple(range(1, 21))])
@pytest.mark.parametrize("kind", sorted(KEYED))
def test_keys_are_spread_in_proportion_to_the_weights(kind: LoadBalancing, weights: tuple[int, ...]) -> None:
    candidates, balancer = servers(*weights), balancer_for(kind)
    if isinstance(balancer, Maglev):
        balancer.prepare(candidates)
    found = shares(by_key(balancer, candidates), candidates)
    assert found == pytest.approx([weight / sum(weights) for weight in weights], abs=0.012)


@pytest.mark.parametrize("kind", sorted(KEYED))
def test_a_key_goes_where_it_went_whatever_the_order_of_the_servers(kind: LoadBalancing) -> None:
    candidates = servers(100, 50, 25, 100)
    ways = []
    for order in (candidates, candidates[::-1]):
        balancer = balancer_for(kind)
        if isinstance(balancer, Maglev):
            balancer.prepare(order)
        ways.append(by_key(balancer, order))
    assert ways[0] == ways[1]


def test_a_key_goes_where_it_goes_in_any_process() -> None:
    candidates = servers(100, 100, 100)
    balancer, same = prepared(100, 100, 100)
    keys = (b"192.0.2.1", b"192.0.2.2", b"192.0.2.3", b"ann", b"bob")
    assert "".join(Rendezvous().pick(candidates, key).name[7] for key in keys) == "11213"
    assert "".join(balancer.pick(same, key).name[7] for key in keys) == "31132"


def test_with_rendezvous_nobody_but_those_of_the_one_that_goes_move() -> None:
    candidates = servers(*[100] * 10)
    gone = candidates[3]
    before, after = by_key(Rendezvous(), candidates), by_key(Rendezvous(), tuple(set(candidates) - {gone}))
    assert {old for old, new in zip(before, after, strict=True) if old != new} == {gone.name}


@pytest.mark.parametrize("number", [2, 3, 10, 40])
def test_with_maglev_at_most_two_percent_move_besides_those_of_the_one_that_goes(number: int) -> None:
    balancer, candidates = prepared(*[100] * number)
    before = by_key(balancer, candidates)
    for gone in candidates[:3]:
        rest = tuple(server for server in candidates if server is not gone)
        balancer.prepare(rest)
        after = by_key(balancer, rest)
        moved = sum(old != new for old, new in zip(before, after, strict=True) if old != gone.name)
        assert moved / TIMES <= 0.02


def test_maglev_keeps_its_table_while_seeds_and_weights_stay() -> None:
    balancer, candidates = prepared(100, 50)
    before = by_key(balancer, candidates)
    table = balancer._table
    balancer.prepare(list(candidates))
    assert balancer._table is table
    candidates[1].weight = 100
    balancer.prepare(candidates)
    assert by_key(balancer, candidates) != before


def test_what_maglev_was_not_prepared_for_is_drawn_by_lot() -> None:
    balancer, candidates = prepared(100, 100, 100)
    rest = candidates[1:]
    assert by_key(balancer, rest) == by_key(Rendezvous(), rest)


def test_stirring_changes_half_of_the_bits() -> None:
    changed = [(stirred(number) ^ stirred(number ^ 1)).bit_count() for number in range(1000)]
    assert sum(changed) / len(changed) == pytest.approx(32, abs=1)


def test_every_kind_has_a_balancer_of_its_own() -> None:
    assert len({type(balancer_for(kind)) for kind in LoadBalancing}) == len(LoadBalancing)
