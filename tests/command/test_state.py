from sys import getsizeof

import pytest

from sozu.command.commit import commit
from sozu.command.facts import AnyFact, Backend, Certificate, Cluster, Frontend, Listener, Protocol
from sozu.command.orders import (
    AddBackend,
    AddCluster,
    AddHttpFrontend,
    AnyOrder,
    RemoveBackend,
    RemoveCluster,
    RemoveHttpFrontend,
)
from sozu.command.state import ConfigState, addition, diff, digest, orders_of, removal, same_facts


def build(*orders: AnyOrder) -> ConfigState:
    return commit(ConfigState(), orders).state


def test_additions_come_in_rank_order_and_removals_in_reverse() -> None:
    full = build(
        AddCluster(cluster="a"),
        AddHttpFrontend(cluster="a", hostname="a.b"),
        AddBackend(cluster="a", address="127.0.0.1:80"),
    )

    assert [order.__struct_config__.tag for order in orders_of(full)] == ["add_cluster", "add_http_frontend", "add_backend"]
    assert [order.__struct_config__.tag for order in diff(full, ConfigState())] == [
        "remove_backend",
        "remove_http_frontend",
        "remove_cluster",
    ]


def test_a_frontend_that_moves_is_removed_before_it_is_added() -> None:
    before = build(AddCluster(cluster="a"), AddHttpFrontend(cluster="a", hostname="a.b"))
    after = build(AddCluster(cluster="b"), AddHttpFrontend(cluster="b", hostname="a.b"))
    orders = diff(before, after)

    assert isinstance(orders[0], RemoveHttpFrontend)
    assert same_facts(commit(before, orders).state, after)


def test_states_of_other_revisions_may_say_the_same() -> None:
    state = build(AddCluster(cluster="a"))

    assert same_facts(state, state.at(7))
    assert state != state.at(7)


@pytest.mark.parametrize(
    "fact",
    [
        Listener(protocol=Protocol.TCP, address="127.0.0.1:80", cluster="a", active=False),
        Cluster(cluster="a"),
        Frontend(cluster="a", hostname="a.b", path_regex="/x", certificate="ff"),
        Certificate(fingerprint="ff", certificate="C", private_key="K", chain=("D",), listeners=("l",), names=("a.b",), not_after=1),
        Backend(cluster="a", address="127.0.0.1:80", id="b", weight=1, backup=True),
    ],
)
def test_an_order_says_all_that_its_fact_says(fact: AnyFact) -> None:
    order = addition(fact)

    for name in fact.__struct_fields__:
        assert getattr(order, name) == getattr(fact, name)
    gone = removal(fact)
    # A frontend goes whatever it is pinned to by then.
    for name in set(gone.__struct_fields__) & set(fact.__struct_fields__) - {"certificate"}:
        assert getattr(gone, name) == getattr(fact, name)


def test_states_that_say_the_same_have_the_same_digest() -> None:
    one = commit(ConfigState(), [AddCluster(cluster="a"), AddCluster(cluster="b")]).state
    other = commit(ConfigState(), [AddCluster(cluster="b"), AddCluster(cluster="c"), AddCluster(cluster="a"), RemoveCluster(cluster="c")]).state

    assert digest(one) == digest(other) != digest(ConfigState())


def test_a_packed_state_says_the_same_in_smaller_tables() -> None:
    many = [f"c{number}" for number in range(100)]
    full = commit(ConfigState(), [order for each in many for order in (AddCluster(cluster=each), AddBackend(cluster=each, address="127.0.0.1:80"))]).state
    orders = [order for each in many[1:] for order in (RemoveBackend(cluster=each, address="127.0.0.1:80"), RemoveCluster(cluster=each))]
    left = commit(full, orders).state

    packed = left.packed()

    assert packed == left
    assert packed.backends_of("c0") == left.backends_of("c0")
    assert getsizeof(packed.clusters) < getsizeof(left.clusters)
