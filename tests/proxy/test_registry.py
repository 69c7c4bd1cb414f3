import collections
import socket

from msgspec import structs
import pytest

from sozu.command.commit import Refused, commit
from sozu.command.facts import LoadBalancing
from sozu.command.orders import AddBackend, AddCluster, AnyOrder, RemoveBackend, RemoveCluster
from sozu.command.state import ConfigState
from sozu.proxy.registry import LiveBackend, Registry

A, B = "127.0.0.1:9001", "127.0.0.1:9002"


class Pooled:
    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


class World:
    """A registry that follows a state."""

    def __init__(self, *orders: AnyOrder) -> None:
        self.state = ConfigState()
        self.registry = Registry()
        self.order(*orders)

    def order(self, *orders: AnyOrder) -> None:
        done = commit(self.state, orders)
        self.state = done.state
        draft = self.registry.draft()
        draft.after(done.effects)
        collections.deque(self.registry.prepare(draft), maxlen=0)
        self.registry.publish(draft)

    def choose(self) -> LiveBackend:
        live = self.registry.rosters["web"].choose()
        assert live is not None
        return live


def add(address: str, *, weight: int = 100, backup: bool = False) -> AddBackend:
    return AddBackend(cluster="web", address=address, weight=weight, backup=backup)


def remove(address: str) -> RemoveBackend:
    return RemoveBackend(cluster="web", address=address)


WEB = AddCluster(cluster="web")


def test_a_cluster_that_is_not_there_has_no_backend() -> None:
    assert "web" not in Registry().rosters


def test_a_cluster_without_backends_has_none() -> None:
    assert World(WEB).registry.rosters["web"].choose() is None


def test_a_backend_is_ready_for_a_socket() -> None:
    family, sockaddr = World(WEB, add(A)).choose().address
    assert (socket.AddressFamily(family).name, sockaddr) == ("AF_INET", ("127.0.0.1", 9001))


def test_backends_take_turns() -> None:
    world = World(WEB, add(A), add(B))
    assert [world.choose().fact.address for _ in range(4)] == [A, B, A, B]


def test_who_was_tried_is_not_chosen_again() -> None:
    world = World(WEB, add(A), add(B))
    tried = {("web", A)}
    assert [live.fact.address for _ in range(3) if (live := world.registry.rosters["web"].choose(tried))] == [B, B, B]
    assert world.registry.rosters["web"].choose({("web", A), ("web", B)}) is None


def test_a_backup_serves_only_when_no_other_can() -> None:
    world = World(WEB, add(A), add(B, backup=True))
    assert [world.choose().fact.address for _ in range(3)] == [A, A, A]
    backup = world.registry.rosters["web"].choose({("web", A)})
    assert backup is not None
    assert backup.fact.address == B


def test_weight_zero_gets_nothing_new() -> None:
    world = World(WEB, add(A), add(B, weight=0))
    assert [world.choose().fact.address for _ in range(3)] == [A, A, A]


def test_a_live_backend_survives_new_settings() -> None:
    world = World(WEB, add(A))
    live = world.choose()
    live.exchanges += 1
    pooled = Pooled()
    live.idle.append(pooled)
    world.order(add(A, weight=7))
    assert world.choose() is live
    assert (live.weight, live.exchanges, live.idle) == (7, 1, [pooled])


def test_a_draft_changes_nothing_before_it_is_published() -> None:
    world = World(WEB, add(A))
    live = world.choose()
    draft = world.registry.draft()
    draft.after(commit(world.state, [add(A, weight=7), add(B)]).effects)
    assert (live.weight, world.registry.find(("web", B))) == (100, None)
    assert {world.choose() for _ in range(3)} == {live}


def test_the_same_round_goes_on_after_a_change() -> None:
    world = World(WEB, add(A), add(B))
    assert world.choose().fact.address == A
    world.order(add(B, backup=False), AddCluster(cluster="web"))
    assert world.choose().fact.address == B


def test_another_kind_of_balancing_takes_effect() -> None:
    world = World(WEB, add(A), add(B))
    world.order(AddCluster(cluster="web", load_balancing=LoadBalancing.LEAST_LOADED))
    first = world.choose()
    first.exchanges += 1
    assert {world.choose() for _ in range(4)} == {live for live in [world.choose()] if live is not first}


def test_a_removed_backend_without_exchanges_is_gone_and_its_idle_connections_are_closed() -> None:
    world = World(WEB, add(A))
    live = world.choose()
    pooled = [Pooled(), Pooled()]
    live.idle.extend(pooled)
    world.order(remove(A))
    assert world.registry.find(("web", A)) is None
    assert all(one.closed for one in pooled)
    assert live.retired
    assert world.registry.rosters["web"].choose() is None


def test_a_removed_backend_is_gone_when_its_last_exchange_ends() -> None:
    world = World(WEB, add(A))
    live = world.choose()
    live.exchanges += 1
    live.exchanges += 1
    world.order(remove(A))
    told: list[int] = []
    live.on_gone.append(lambda: told.append(live.exchanges))
    live.end()
    assert (world.registry.find(("web", A)), told) == (live, [])
    live.end()
    assert (world.registry.find(("web", A)), told) == (None, [0])


def test_a_backend_that_comes_back_keeps_its_count_and_is_told() -> None:
    world = World(WEB, add(A))
    live = world.choose()
    live.exchanges += 1
    world.order(remove(A))
    told: list[bool] = []
    live.on_gone.append(lambda: told.append(live.retired))
    world.order(add(A))
    assert world.choose() is live
    assert (live.retired, live.exchanges, told) == (False, 1, [False])
    live.end()
    assert world.registry.find(("web", A)) is live
    world.order(remove(A))
    assert world.registry.find(("web", A)) is None


def test_a_cluster_takes_its_backends_along() -> None:
    world = World(WEB, add(A), add(B))
    live = world.choose()
    live.exchanges += 1
    world.order(RemoveCluster(cluster="web"))
    assert "web" not in world.registry.rosters
    assert world.registry.find(live.key) is live
    live.end()
    assert world.registry.find(live.key) is None


def test_a_backend_that_comes_and_goes_in_one_transaction_leaves_no_trace() -> None:
    world = World(WEB)
    world.order(add(A), remove(A))
    assert world.registry.find(("web", A)) is None
    assert world.registry.rosters["web"].choose() is None


def test_so_it_does_when_coming_and_going_are_drafted_apart() -> None:
    world = World(WEB)
    done = commit(world.state, [add(A)])
    draft = world.registry.draft()
    draft.after(done.effects)
    draft.after(commit(done.state, [remove(A)]).effects)
    world.registry.publish(draft)
    assert world.registry.find(("web", A)) is None
    assert world.registry.rosters["web"].choose() is None


def test_a_backend_that_goes_and_comes_in_one_transaction_lives_on() -> None:
    world = World(WEB, add(A))
    live = world.choose()
    live.idle.append(pooled := Pooled())
    draft = world.registry.draft()
    done = commit(world.state, [remove(A)])
    draft.after(done.effects)
    draft.after(commit(done.state, [add(A)]).effects)
    world.registry.publish(draft)
    assert world.choose() is live
    assert not pooled.closed


def test_a_backend_that_goes_and_comes_in_one_breath_lives_on() -> None:
    world = World(WEB, add(A))
    live = world.choose()
    world.order(remove(A), add(A, weight=3))
    assert world.choose() is live
    assert live.weight == 3


def test_the_end_of_an_exchange_of_a_backend_in_use_tells_nobody() -> None:
    world = World(WEB, add(A))
    live = world.choose()
    live.exchanges += 1
    live.end()
    assert (live.exchanges, world.registry.find(live.key)) == (0, live)


def test_who_has_most_idle_connections_gives_the_older_half() -> None:
    world = World(WEB, add(A), add(B))
    few, many = [Pooled()], [Pooled() for _ in range(3)]
    for address, pooled in ((A, few), (B, many)):
        live = world.registry.find(("web", address))
        assert live is not None
        live.idle.extend(pooled)
    assert world.registry.shed()
    assert [pooled.closed for pooled in (*few, *many)] == [False, True, True, False]
    assert world.registry.shed()
    assert world.registry.shed()
    assert not world.registry.shed()


def test_nobody_without_idle_connections_gives_one() -> None:
    assert not Registry().shed()


def rests(world: World, live: LiveBackend, now: float) -> None:
    for _ in range(3):
        world.registry.failed(live, now)


def test_who_fails_too_often_rests_and_comes_back() -> None:
    world = World(WEB, add(A), add(B))
    first = world.choose()
    rests(world, first, 10)
    assert {world.choose() for _ in range(4)} == {world.registry.find(("web", B))}
    world.registry.tick(10.9)
    assert first.resting
    world.registry.tick(11)
    assert first in {world.choose() for _ in range(4)}


def test_where_nobody_is_well_all_are_asked() -> None:
    world = World(WEB, add(A), add(B))
    for address in (A, B):
        world.registry.found(("web", address), up=False)
    assert {world.choose().fact.address for _ in range(4)} == {A, B}


def test_a_backup_serves_while_the_others_are_down() -> None:
    world = World(WEB, add(A), add(B, backup=True))
    world.registry.found(("web", A), up=False)
    assert world.choose().fact.address == B
    world.registry.found(("web", A), up=True)
    assert world.choose().fact.address == A


def test_what_is_found_about_a_backend_that_has_gone_changes_nothing() -> None:
    world = World(WEB, add(A))
    live = world.choose()
    world.registry.found(("web", B), up=False)
    world.order(remove(A))
    world.registry.failed(live, 1)
    assert (live.up, live.misses) == (True, None)


def test_a_backend_in_maintenance_gets_nothing_new_and_is_not_forgotten() -> None:
    world = World(WEB, add(A), add(B))
    live = world.registry.find(("web", A))
    world.order(AddBackend(cluster="web", address=A, maintenance=True))
    assert {world.choose().fact.address for _ in range(3)} == {B}
    assert world.registry.find(("web", A)) is live
    world.order(add(A))
    assert {world.choose().fact.address for _ in range(3)} == {A, B}


def test_a_newcomer_grows_into_its_weight() -> None:
    world = World(AddCluster(cluster="web", slow_start=10), add(A))
    world.registry.tick(100)
    world.order(add(B))
    newcomer, old = world.registry.find(("web", B)), world.registry.find(("web", A))
    assert newcomer is not None
    assert old is not None
    weights = [newcomer.weight]
    for now in (105, 109, 110, 111):
        world.registry.tick(now)
        weights.append(newcomer.weight)
    assert (weights, old.weight) == ([5, 50, 90, 100, 100], 100)


def test_who_comes_back_from_maintenance_or_a_rest_grows_too() -> None:
    world = World(AddCluster(cluster="web", slow_start=10), add(A), add(B))
    live = world.choose()
    rests(world, live, 0)
    world.registry.tick(1)
    assert live.weight == 5
    world.registry.tick(20)
    assert live.weight == 100
    world.order(AddBackend(cluster="web", address=live.fact.address, maintenance=True))
    world.order(add(live.fact.address))
    assert live.weight == 5


def test_at_the_start_nobody_is_spared() -> None:
    world = World(AddCluster(cluster="web", slow_start=10), add(A), add(B))
    assert {live.weight for live in world.registry.rosters["web"].members.values()} == {100}


@pytest.mark.parametrize("balancing", [LoadBalancing.HRW, LoadBalancing.MAGLEV])
def test_where_keys_decide_there_is_no_slow_start(balancing: LoadBalancing) -> None:
    with pytest.raises(Refused, match="with each step"):
        World(AddCluster(cluster="web", slow_start=10, load_balancing=balancing), add(A))


def test_who_is_removed_while_he_grows_is_forgotten() -> None:
    world = World(AddCluster(cluster="web", slow_start=10), add(A))
    world.order(add(B))
    world.order(remove(B))
    world.registry.tick(1)
    world.registry.tick(2)
    assert world.registry.find(("web", B)) is None


def test_what_is_prepared_is_met_by_nobody_before_the_swap() -> None:
    world = World(WEB, add(A))
    draft = world.registry.draft()
    draft.after(commit(world.state, [add(B), AddCluster(cluster="shop")]).effects)
    collections.deque(world.registry.prepare(draft), maxlen=0)
    assert {world.choose().name for _ in range(4)} == {A}
    assert "shop" not in world.registry.rosters

    world.registry.swap(draft)
    assert {world.choose().name for _ in range(4)} == {A, B}


def test_keys_stay_where_they_are_while_a_change_is_prepared() -> None:
    maglev = AddCluster(cluster="web", load_balancing=LoadBalancing.MAGLEV)
    world = World(maglev, add(A), add(B), add("127.0.0.1:9003"))
    draft = world.registry.draft()
    draft.after(commit(world.state, [structs.replace(maglev, sticky="S")]).effects)
    keys = [b"%d" % number for number in range(100)]
    before = [world.registry.rosters["web"].choose((), key) for key in keys]

    collections.deque(world.registry.prepare(draft), maxlen=0)
    assert [world.registry.rosters["web"].choose((), key) for key in keys] == before
    world.registry.swap(draft)
    assert [world.registry.rosters["web"].choose((), key) for key in keys] == before


def test_who_goes_down_between_preparation_and_swap_is_not_chosen_afterwards() -> None:
    world = World(WEB, add(A))
    draft = world.registry.draft()
    draft.after(commit(world.state, [add(B)]).effects)
    collections.deque(world.registry.prepare(draft), maxlen=0)
    world.registry.found(("web", A), up=False)

    world.registry.swap(draft)
    assert {world.choose().name for _ in range(4)} == {B}


def test_who_leaves_is_let_go_after_the_swap() -> None:
    world = World(WEB, add(A), add(B))
    gone = world.registry.find(("web", B))
    assert gone is not None
    gone.exchanges += 1
    draft = world.registry.draft()
    draft.after(commit(world.state, [remove(B)]).effects)
    world.registry.swap(draft)
    assert world.registry.left_running == [("web", B)]
    assert {world.choose().name for _ in range(4)} == {A}

    collections.deque(world.registry.settle(draft), maxlen=0)
    assert gone.retired


def test_backends_that_get_nothing_are_told_with_their_trouble() -> None:
    named, resting, sick = "app.example.com:80", "127.0.0.1:9003", "127.0.0.1:9004"
    world = World(WEB, add(A), add(named), add(resting), add(sick))
    assert world.registry.troubles() == {"down": 0, "resting": 0, "pending": 1}

    live = world.registry.find(("web", resting))
    assert live is not None
    rests(world, live, 100.0)
    world.registry.found(("web", sick), up=False)
    assert world.registry.troubles() == {"down": 1, "resting": 1, "pending": 1}
    told = {row["address"]: row["state"] for row in world.registry.troubled()}
    assert told == {named: "pending", resting: "resting", sick: "down"}

    world.registry.place(("web", named), ((socket.AF_INET, ("192.0.2.1", 80)),))
    world.registry.found(("web", sick), up=True)
    world.registry.tick(200.0)
    assert world.registry.troubled() == []


def test_of_very_many_in_trouble_some_are_told() -> None:
    world = World(WEB, *[add(f"h{number}.example.com:80") for number in range(100)])
    assert world.registry.troubles()["pending"] == 100
    assert len(world.registry.troubled()) == 20
